/**
 * Whether f32 results agree with the oracle's f64 ones. Where plain closeness fails, the oracle is run again with the roundings of
 * f32 put in: every value is moved by some units in the last place. What that does to a result is how far an honest f32 result may lie
 * from it; an element that moves wildly (a comparison of nearly equal numbers) is not compared.
 */
import { sizeOf } from '../../src/base/index.ts';
import type { DType, TypedArray } from '../../src/base/index.ts';
import { RandomStream } from '../../src/base/random.ts';
import type { Dense, Node, ReduceAttrs } from '../../src/graph/index.ts';
import { evaluateCase, rootsOf } from './program-case.ts';
import type { Case, Results } from './program-case.ts';

/** Closer than this, relative to the tensor's largest value, needs no second look: about 40 roundings of f32. */
const CLOSE = 2.5e-6;
/** Size of one moved rounding: 4 units in the last place, as much as an approximated function or a short sum may be off. */
const ROUNDING = 2 ** -22;
/** An honest result lies within this many times the largest move seen. */
const MARGIN = 8;
const FEW = 3;
const MANY = 40;

/** The first disagreement in words, or undefined. */
export function disagreement(of: Case, got: Results, exact: readonly Dense[] = evaluateCase(of)): string | undefined {
  const roots = rootsOf(of.program);
  let suspects = roots.map((node, r) => suspectsOf(node, got[r], exact[r]));
  for (const runs of [FEW, MANY]) {
    if (suspects.every((s) => s.length === 0)) return undefined;
    const spread = spreadOf(of, exact, runs);
    suspects = suspects.map((list, r) => list.filter((i) => !explained(got[r][i], exact[r].data[i], spread[r][i])));
  }
  const root = suspects.findIndex((s) => s.length > 0);
  if (root < 0) return undefined;
  const [first] = suspects[root];
  return `root ${root} (${roots[root].op.name} ${roots[root].dtype}[${roots[root].shape}]): ${suspects[root].length} of ${sizeOf(roots[root].shape)} elements differ; `
    + `element ${first} is ${got[root][first]}, the oracle says ${exact[root].data[first]}`;
}

function suspectsOf(node: Node, got: TypedArray, exact: Dense): number[] {
  if (got.length !== exact.data.length) throw new Error(`${got.length} elements instead of ${exact.data.length}`);
  let scale = 0;
  for (const x of exact.data) if (Number.isFinite(x)) scale = Math.max(scale, Math.abs(x));
  const tolerance = node.dtype === 'f32' ? CLOSE : 0;
  const out: number[] = [];
  exact.data.forEach((x, i) => {
    if (!Object.is(got[i], x) && !(Math.abs(got[i] - x) <= tolerance * Math.abs(x) + tolerance * 0.01 * scale)) out.push(i);
  });
  return out.filter((i) => got[i] !== exact.data[i]);
}

function explained(got: number, exact: number, spread: number): boolean {
  if (Number.isNaN(spread)) return true;
  return Math.abs(got - exact) <= MARGIN * spread + 1e-37;
}

/** The largest move of every element over some runs; NaN where one became NaN or infinite and others did not. */
function spreadOf(of: Case, exact: readonly Dense[], runs: number): Float64Array[] {
  const spread = exact.map((x) => new Float64Array(x.data.length));
  for (let run = 0; run < runs; run++) {
    rounded(of, run).forEach((moved, r) => moved.data.forEach((x, i) => {
      const move = Object.is(x, exact[r].data[i]) ? 0 : Math.abs(x - exact[r].data[i]);
      spread[r][i] = Number.isNaN(move) ? NaN : Math.max(spread[r][i], move);
    }));
  }
  return spread;
}

/** Ops whose result is one of their operands, or exact. */
const EXACT = new Set(['neg', 'abs', 'sign', 'floor', 'ceil', 'round', 'relu', 'minimum', 'maximum', 'select', 'cast', 'not']);

/** The oracle with roundings: plain f32 in run 0, then random moves; in every other run equal values of a tensor move alike, so that they stay equal. */
function rounded(of: Case, run: number): Dense[] {
  const rng = new RandomStream(run, 'roundings');
  const known = new Map<Node, Dense>();
  let salt = run;
  const draw = (x: number): number => (run % 2 === 0 ? rng.uniform() : digest(x, salt));
  const move = (x: number, magnitude: number): number => (run === 0 ? Math.fround(x) : x + (2 * draw(x) - 1) * ROUNDING * magnitude);
  const visit = (node: Node, value: Dense): void => {
    known.set(node, value);
    salt++;
    if (node.dtype !== 'f32' || node.op.kind === 'view' || node.op.kind === 'source' || node.op.kind === 'wrap' || isExact(node)) return;
    const magnitudes = magnitudesOf(node, value, known);
    value.data.forEach((x, i) => { value.data[i] = move(x, magnitudes[i]); });
  };
  return evaluateCase(of, visit, (x, dtype) => ({ shape: x.shape, data: movedInput(x, dtype, (v) => move(v, Math.abs(v))) }));
}

/** A number in 0 .. 1 that looks random and depends on x and the salt alone. */
function digest(x: number, salt: number): number {
  const mixed = Math.sin(x * 12.9898 + salt * 78.233) * 43758.5453;
  return mixed - Math.floor(mixed);
}

function movedInput(x: Dense, dtype: DType, move: (v: number) => number): Float64Array {
  return dtype === 'f32' ? x.data.map((v) => move(v)) : x.data;
}

function isExact(node: Node): boolean {
  if (EXACT.has(node.op.name)) return true;
  return node.op.kind === 'reduce' && ['max', 'min'].includes((node.attrs as { monoid: string }).monoid);
}

/** What a rounding is relative to: the value itself, or for sums the sum of the magnitudes that went in. */
function magnitudesOf(node: Node, value: Dense, known: ReadonlyMap<Node, Dense>): Float64Array {
  if (node.op.kind === 'reduce') {
    const largest = known.get(node.inputs[0])!.data.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
    const { monoid, field } = node.attrs as ReduceAttrs;
    const count = sizeOf(node.inputs[0].shape) / Math.max(1, sizeOf(node.shape));
    // Sums of differences from one of the values, which may be far from the mean; the logarithm of a sum that starts at 1.
    if (monoid === 'moments') return value.data.map((x) => Math.abs(x) + (field === 'mean' ? largest : count * largest ** 2) * (1 + Math.sqrt(count) / 64));
    if (monoid === 'softmax' && field !== 'max') return value.data.map((x) => Math.abs(x) + 1);
  }
  const sums = node.op.kind === 'contract' || (node.op.kind === 'reduce' && (node.attrs as { monoid: string }).monoid === 'sum') || node.op.name === 'add' || node.op.name === 'sub';
  if (!sums) return value.data.map(Math.abs);
  const parts = node.inputs.map((x) => ({ shape: x.shape, data: known.get(x)!.data.map(Math.abs) }));
  return node.op.reference(node, node.op.name === 'sub' ? [parts[0], { ...parts[1], data: parts[1].data.map((x) => -x) }] : parts).data;
}
