/** Gated recurrent unit (Cho et al. 2014, in the form with the reset gate after the product, as cuDNN and PyTorch). */
import type { Param, Tensor } from '../../tensor/index.ts';
import { faults } from '../faults.ts';
import { init } from '../init.ts';
import type { RecurrentNorm, RecurrentStep } from '../norms/index.ts';
import { checkStep } from './lstm-cell.ts';
import type { RecurrentCellOptions } from './lstm-cell.ts';
import { count } from './options.ts';
import { RecurrentCell } from './recurrent-cell.ts';

/** The hidden state, [N, units]. */
export interface GruState {
  readonly hidden: Tensor;
  readonly [name: string]: Tensor;
}

/**
 * a = norm(x W) + b, c = norm(h U), each in the parts reset, update, candidate; r = sigmoid(a + c), z = sigmoid(a + c),
 * n = tanh(a + r (c + d)), h = (1 - z) n + z h. Weights: inputWeight [features, 3 units], hiddenWeight [units, 3 units],
 * bias b [3 units], candidateBias d [units]; PyTorch's two biases of r and z are added up in b.
 */
export class GruCell extends RecurrentCell<GruState> {
  readonly units: number;
  inputWeight!: Param;
  hiddenWeight!: Param;
  bias: Param | undefined;
  candidateBias: Param | undefined;
  readonly inputNorm: RecurrentNorm | undefined;
  readonly hiddenNorm: RecurrentNorm | undefined;
  protected readonly parts = ['hidden'] as const;
  private readonly options: RecurrentCellOptions;

  constructor(units: number, options: RecurrentCellOptions = {}) {
    super();
    this.units = count('gruCell', 'units', units);
    this.options = options;
    this.inputNorm = options.norm?.('input', 3);
    this.hiddenNorm = options.norm?.('hidden', 3);
  }

  protected override setup(x: Tensor): void {
    checkStep('gruCell', x);
    const { bias = true, init: first = init.uniform(1 / Math.sqrt(this.units)) } = this.options;
    const fans = { fanIn: x.shape[1], fanOut: this.units };
    this.inputWeight = this.param('inputWeight', [x.shape[1], 3 * this.units], first, fans);
    this.hiddenWeight = this.param('hiddenWeight', [this.units, 3 * this.units], first, fans);
    if (!bias) return;
    this.bias = this.param('bias', [3 * this.units], first, fans);
    this.candidateBias = this.param('candidateBias', [this.units], first, fans);
  }

  override describe(): string {
    return `gruCell ${this.units}`;
  }

  forward(x: Tensor, state: GruState = this.start(x.shape[0]), at: RecurrentStep = { step: 0 }): GruState {
    checkStep('gruCell', x);
    if (x.shape[1] !== this.inputWeight.shape[0]) throw faults.channels('gruCell', x.shape, this.inputWeight.shape[0]);
    const [a, c] = [x.matmul(this.inputWeight), state.hidden.matmul(this.hiddenWeight)];
    const projected = this.inputNorm?.forward(a, at) ?? a;
    const input = this.bias ? projected.add(this.bias) : projected;
    const carried = this.hiddenNorm?.forward(c, at) ?? c;
    const part = (of: Tensor, i: number): Tensor => of.slice([0, i * this.units], [x.shape[0], (i + 1) * this.units]);
    const gate = (i: number): Tensor => part(input, i).add(part(carried, i)).sigmoid();
    const recalled = this.candidateBias ? part(carried, 2).add(this.candidateBias) : part(carried, 2);
    const candidate = part(input, 2).add(gate(0).mul(recalled)).tanh();
    return { hidden: candidate.add(gate(1).mul(state.hidden.sub(candidate))) };
  }
}

/**
 * A GRU cell; `nn.recurrent(nn.gruCell(64))` runs it over sequences. Its `norm` normalizes both projections.
 * @param units values of the hidden state
 * @throws E101 for options; E300, E302 at the first input that does not fit
 */
export function gruCell(units: number, options?: RecurrentCellOptions): GruCell {
  return new GruCell(units, options);
}
