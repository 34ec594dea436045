/** Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000). */
import type { Param, Tensor } from '../../tensor/index.ts';
import { faults } from '../faults.ts';
import { init } from '../init.ts';
import type { Initializer } from '../init.ts';
import type { RecurrentNorm, RecurrentNormalization, RecurrentStep } from '../norms/index.ts';
import { count } from './options.ts';
import { RecurrentCell } from './recurrent-cell.ts';

/** Parameters of a recurrent cell. */
export interface RecurrentCellOptions {
  /** Add biases; default true. */
  readonly bias?: boolean;
  /** First weights and biases; default uniform in +-1 / sqrt(units), as PyTorch. */
  readonly init?: Initializer;
  /** Normalization inside: recurrentLayerNorm(), recurrentBatchNorm({ steps }), or a hook of your own. Default: none. */
  readonly norm?: RecurrentNormalization;
}

/** Hidden state and memory, [N, units] each. */
export interface LstmState {
  readonly hidden: Tensor;
  readonly cell: Tensor;
  readonly [name: string]: Tensor;
}

/**
 * gates = norm(x W) + norm(h U) + b in the order input, forget, candidate, output; c = f c + i g; h = o tanh(norm(c)).
 * Weights: inputWeight [features, 4 units], hiddenWeight [units, 4 units], bias [4 units] (the sum of PyTorch's two).
 */
export class LstmCell extends RecurrentCell<LstmState> {
  readonly units: number;
  inputWeight!: Param;
  hiddenWeight!: Param;
  bias: Param | undefined;
  readonly inputNorm: RecurrentNorm | undefined;
  readonly hiddenNorm: RecurrentNorm | undefined;
  readonly cellNorm: RecurrentNorm | undefined;
  protected readonly parts = ['hidden', 'cell'] as const;
  private readonly options: RecurrentCellOptions;

  constructor(units: number, options: RecurrentCellOptions = {}) {
    super();
    this.units = count('lstmCell', 'units', units);
    this.options = options;
    this.inputNorm = options.norm?.('input', 4);
    this.hiddenNorm = options.norm?.('hidden', 4);
    this.cellNorm = options.norm?.('cell', 1);
  }

  protected override setup(x: Tensor): void {
    checkStep('lstmCell', x);
    const { bias = true, init: first = init.uniform(1 / Math.sqrt(this.units)) } = this.options;
    const fans = { fanIn: x.shape[1], fanOut: this.units };
    this.inputWeight = this.param('inputWeight', [x.shape[1], 4 * this.units], first, fans);
    this.hiddenWeight = this.param('hiddenWeight', [this.units, 4 * this.units], first, fans);
    if (bias) this.bias = this.param('bias', [4 * this.units], first, fans);
  }

  override describe(): string {
    return `lstmCell ${this.units}`;
  }

  forward(x: Tensor, state: LstmState = this.start(x.shape[0]), at: RecurrentStep = { step: 0 }): LstmState {
    checkStep('lstmCell', x);
    if (x.shape[1] !== this.inputWeight.shape[0]) throw faults.channels('lstmCell', x.shape, this.inputWeight.shape[0]);
    const [a, b] = [x.matmul(this.inputWeight), state.hidden.matmul(this.hiddenWeight)];
    const sum = (this.inputNorm?.forward(a, at) ?? a).add(this.hiddenNorm?.forward(b, at) ?? b);
    const gates = this.bias ? sum.add(this.bias) : sum;
    const gate = (i: number): Tensor => gates.slice([0, i * this.units], [x.shape[0], (i + 1) * this.units]);
    const cell = gate(1).sigmoid().mul(state.cell).add(gate(0).sigmoid().mul(gate(2).tanh()));
    const hidden = gate(3).sigmoid().mul((this.cellNorm?.forward(cell, at) ?? cell).tanh());
    return { hidden, cell };
  }
}

/** @throws E300 unless x is [N, features] */
export function checkStep(op: string, x: Tensor): void {
  if (x.rank !== 2) throw faults.rank(op, x.shape, 'one step of the sequences, [N, features]', `use recurrent(${op}(...)) for sequences [N, T, features]`);
}

/**
 * An LSTM cell; `nn.recurrent(nn.lstmCell(64))` runs it over sequences.
 * @param units values of the hidden state
 * @throws E101 for options; E300, E302 at the first input that does not fit
 */
export function lstmCell(units: number, options?: RecurrentCellOptions): LstmCell {
  return new LstmCell(units, options);
}
