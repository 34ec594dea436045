/** Experiments that find out what a normalization layer can do. All but the backends are computed by the oracle, in f64. */
import { Fault } from '../../src/base/index.ts';
import * as nn from '../../src/nn/index.ts';
import { configure, Trace, tracing, valueNow } from '../../src/runtime/index.ts';
import type { Mode } from '../../src/runtime/index.ts';
import { compile, grad, tensor } from '../../src/tensor/index.ts';
import type { Param, Ref, Tensor } from '../../src/tensor/index.ts';
import type { Entry } from './norm-catalogue.ts';

type Options = Readonly<Record<string, unknown>>;
/** A layer made anew, with its entry. */
export interface Subject { readonly make: (options?: Options) => nn.Module; readonly entry: Partial<Entry> }

const SHAPES: Readonly<Record<number, readonly number[]>> = { 2: [6, 4], 3: [6, 3, 4], 4: [6, 3, 5, 4], 5: [6, 3, 2, 2, 4] };
export const RANKS = [2, 3, 4, 5];

/** Numbers without order, the same every time. */
export function scattered(shape: readonly number[], seed = 1): Tensor {
  const size = shape.reduce((n, extent) => n * extent, 1);
  return tensor(Float32Array.from({ length: size }, (_, i) => 1.5 * Math.sin(seed + 12.9898 * i + 0.37 * i * i) + 0.3), shape);
}

export const inputOf = (rank: number): Tensor => scattered(SHAPES[rank]);

/** The output of a layer in a trace of its own, in which nothing moves. @param to what a companion is made for */
function forward({ entry }: Subject, layer: nn.Module, x: Tensor, call: Options = {}, to: Tensor = x): Tensor {
  const beside = entry.companion ? [entry.companion(to)] : [];
  const extra = entry.call ?? Object.keys(call).length > 0 ? [...beside, { ...entry.call?.(x), ...call }] : beside;
  const y = (Reflect.get(layer, 'forward') as (...inputs: unknown[]) => unknown)(x, ...extra);
  return entry.output ? entry.output(y as never) : y as Tensor;
}

function inMode<T>(mode: Mode, fn: () => T): T {
  return tracing(new Trace(mode), fn);
}

/** A layer that was built for x, with factors and offsets other than 1 and 0. */
function built(subject: Subject, x: Tensor, options: Options = {}): nn.Module {
  const layer = subject.make({ ...subject.entry.options, ...options });
  inMode('eval', () => forward(subject, layer, x));
  for (const param of layer.params()) param.write(Array.from(param.variable.peek(), (value, i) => value + 0.3 * Math.sin(2 + 5 * i)));
  return layer;
}

function valueIn(subject: Subject, mode: Mode, layer: nn.Module, x: Tensor, call?: Options, to?: Tensor): Float64Array {
  return inMode(mode, () => valueNow(forward(subject, layer, x, call, to).node));
}

/** True, or false where the layer refuses. Other errors are errors. */
function takes(fn: () => unknown): boolean {
  try {
    fn();
    return true;
  } catch (error) {
    if (error instanceof Fault) return false;
    throw error;
  }
}

/** Ranks of input in training and evaluation. */
export function ranksOf(subject: Subject): number[] {
  return RANKS.filter((rank) => takes(() => {
    const x = inputOf(rank);
    const layer = built(subject, x);
    for (const mode of ['train', 'eval'] as const) valueIn(subject, mode, layer, x);
  }));
}

const close = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance = 1e-6): boolean =>
  a.length === b.length && Array.from(a).every((value, i) => Math.abs(value - b[i]) <= tolerance * Math.max(1, Math.abs(b[i])));

/** Where the channels may stand: a layer on another axis must do what it does on the last to the transposed input. */
export function axesOf(subject: Subject, rank: number): string {
  const x = inputOf(rank);
  const wanted = valueIn(subject, 'train', built(subject, x), x);
  const agrees = (option: string, axis: number): boolean => takes(() => {
    const order = [...x.shape.keys()].filter((i) => i < rank - 1);
    order.splice(axis, 0, rank - 1);
    const turned = tensor(Float32Array.from(valueNow(x.transpose(order).node)), order.map((i) => x.shape[i]));
    const back = order.map((_, i) => order.indexOf(i));
    const layer = built(subject, turned, { [option]: option === 'axes' ? [axis] : axis, ...(axis === 0 && option === 'axis' && { channels: 4 }) });
    const y = inMode('train', () => valueNow(forward(subject, layer, turned).transpose(back).node));
    if (!close(y, wanted)) throw new Fault({ code: 'E000', op: 'axes', rule: 'another result', hint: '' });
  });
  const inner = [...x.shape.keys()].slice(1, -1);
  for (const option of ['axis', 'axes']) if (inner.length > 0 && inner.every((axis) => agrees(option, axis))) return `any${agrees(option, 0) ? ', 0 too' : ''} (\`${option}\`)`;
  return rank > 2 ? 'last' : '-';
}

const DIALECTS = ['torch', 'keras', 'tfFused', 'caffe', 'onnx', 'flax'];

/** Frameworks whose defaults the layer knows. One that takes any name knows none. */
export function dialectsOf(subject: Subject): string[] {
  const known = (dialect: string): boolean => takes(() => subject.make({ ...subject.entry.options, dialect }));
  return known('none of them') ? [] : DIALECTS.filter(known);
}

/** Whether what is masked reaches other positions: 'yes' if a mask stops it, 'no' if not, 'not needed' if nothing has to be stopped. */
export function masksOf(subject: Subject, rank: number): string {
  const x = inputOf(rank);
  const positions = x.shape.slice(0, -1);
  const out = (flat: number): boolean => (rank > 2 ? flat % positions[1] === 1 : flat === 5);
  const count = positions.reduce((n, extent) => n * extent, 1);
  const mask = tensor(Uint8Array.from({ length: count }, (_, i) => (out(i) ? 0 : 1)), positions, 'bool');
  const data = valueNow(x.node);
  const spoilt = tensor(Float32Array.from(data, (value, i) => (out(Math.floor(i / 4)) ? 50 - 3 * value : value)), x.shape);
  const layer = built(subject, x);
  const others = (input: Tensor, call?: Options): number[] => Array.from(valueIn(subject, 'train', layer, input, call, x)).filter((_, i) => !out(Math.floor(i / 4)));
  if (close(others(x), others(spoilt))) return 'not needed';
  let stopped = false;
  const taken = takes(() => { stopped = close(others(x, { mask }), others(spoilt, { mask })); });
  return taken && stopped ? 'yes' : 'no';
}

/** True if the output of one sample in training depends on the others. */
export function mixesSamples(subject: Subject, rank: number): boolean {
  const x = inputOf(rank);
  const layer = built(subject, x);
  const size = x.size / 6;
  const other = tensor(Float32Array.from(valueNow(x.node), (value, i) => (i < size ? value : 2 * value + 1)), x.shape);
  return !close(valueIn(subject, 'train', layer, x).slice(0, size), valueIn(subject, 'train', layer, other).slice(0, size));
}

interface Loss { readonly value: Tensor; readonly input: Tensor; readonly direction: Tensor; readonly wrt: readonly (Tensor | Ref)[]; readonly directions: readonly Tensor[] }

/** A loss of what the layer gives when input and parameters are moved by h along fixed directions. */
function lossAt(subject: Subject, layer: nn.Module, x: Tensor, h: number): Loss {
  const params = layer.params().filter((param) => param.trainable);
  const direction = scattered(x.shape, 5);
  const directions = params.map((param, i) => scattered(param.shape, 7 + i));
  const input = x.add(direction.mul(h));
  const moved = params.reduceRight<() => Tensor>((run, param: Param, i) => () => param.as(param.value.add(directions[i].mul(h)), run), () => {
    const y = forward(subject, layer, input);
    return y.mul(scattered(y.shape, 9)).sum().add(y.square().mul(scattered(y.shape, 11)).sum());
  });
  return { value: moved(), input, direction, wrt: [input, ...params], directions: [direction, ...directions] };
}

const STEP = 1e-4;

/** Central differences at two distances, extrapolated to 0 (Richardson): curved functions need the second. */
function slope(at: (h: number) => number): number {
  const central = (h: number): number => (at(h) - at(-h)) / (2 * h);
  return (4 * central(STEP / 2) - central(STEP)) / 3;
}

/** Gradients of input and parameters against central differences in f64. */
export function hasGradient(subject: Subject, x: Tensor, mode: Mode = 'train'): boolean {
  const layer = built(subject, x);
  const numeric = slope((h) => inMode(mode, () => valueNow(lossAt(subject, layer, x, h).value.node)[0]));
  const exact = inMode(mode, () => {
    const { value, wrt, directions } = lossAt(subject, layer, x, 0);
    return valueNow(grad(value, wrt).map((g, i) => g.mul(directions[i]).sum()).reduce((a, b) => a.add(b)).node)[0];
  });
  return close([exact], [numeric], 1e-5);
}

/** The gradient of the input's gradient, likewise. */
export function hasDoubleGradient(subject: Subject, x: Tensor, mode: Mode = 'train'): boolean {
  const layer = built(subject, x);
  const first = (h: number): { readonly value: Tensor; readonly input: Tensor; readonly direction: Tensor } => {
    const input = x.add(scattered(x.shape, 5).mul(h));
    const y = forward(subject, layer, input);
    const loss = y.mul(scattered(y.shape, 9)).sum().add(y.square().mul(scattered(y.shape, 11)).sum());
    return { value: grad(loss, [input])[0].mul(scattered(x.shape, 13)).sum(), input, direction: scattered(x.shape, 5) };
  };
  const numeric = slope((h) => inMode(mode, () => valueNow(first(h).value.node)[0]));
  const exact = inMode(mode, () => {
    const { value, input, direction } = first(0);
    return valueNow(grad(value, [input])[0].mul(direction).sum().node)[0];
  });
  return close([exact], [numeric], 1e-5);
}

/** Backends on which output and gradient in training are those of the f64 reference. */
export async function backendsOf(subject: Subject, x: Tensor): Promise<string[]> {
  const program = (layer: nn.Module, input: Tensor): { readonly y: Tensor; readonly g: Tensor } => {
    const y = nn.withoutUpdates(() => forward(subject, layer, input));
    const [g] = grad(y.mul(scattered(y.shape, 9)).sum().add(y.square().sum()), [input]);
    return { y, g };
  };
  const wanted = inMode('train', () => { const { y, g } = program(built(subject, x), x); return [valueNow(y.node), valueNow(g.node)]; });
  const good: string[] = [];
  for (const backend of ['wasm', 'plain', 'oracle'] as const) {
    await configure({ backend });
    const layer = built(subject, x);
    const step = compile('probe', ({ input }) => program(layer, input));
    const { y, g } = await step({ input: x });
    if (close(await y.data(), wanted[0], 1e-4) && close(await g.data(), wanted[1], 2e-3)) good.push(backend);
    step.dispose();
  }
  await configure({ backend: 'wasm' });
  return good;
}
