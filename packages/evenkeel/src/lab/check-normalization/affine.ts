/** The trained parts of a layer: what each parameter does, and what it starts with. */
import type { Ref, Param } from '../../tensor/index.ts';
import { RandomStream } from '../../base/index.ts';
import { difference } from './arrays.ts';
import type { Examination } from './examination.ts';
import { featureSlices, normalized } from './statistics.ts';
import { words } from './words.ts';

/** What a parameter does to the output of training. */
export type Role = 'factor' | 'offset' | 'deviation' | 'other' | 'none';

const FACTOR = /^(gamma|scale|weight|gain)/i;
const OFFSET = /^(beta|shift|bias|offset)/i;
const VARIANCE = /var/i;
const STEP = 1e-4;
/** What epsilon, which is not known here, may change. */
const TOLERANCE = 5e-3;

/** First values and sizes, for which nothing has to run. */
export function checkStart({ subject, features, report }: Examination): void {
  for (const [name, ref] of subject.refs) {
    const values = ref.variable.peek();
    const own = lastName(name);
    if (isAffine(name) && ![1, ...features.sizes].includes(ref.size)) report(words.size(name, ref.size, features.sizes[0]));
    if (subject.params.has(name) && FACTOR.test(own) && !values.every((v) => v === values[0])) report(words.scaleStart(name, Math.min(...values), Math.max(...values)));
    if (subject.params.has(name) && OFFSET.test(own) && !values.every((v) => v === 0)) report(words.shiftStart(name));
    if (!subject.params.has(name) && VARIANCE.test(own) && values.every((v) => v === 0)) report(words.varianceStart(name));
  }
}

/** What each parameter does in training. @returns names of those that multiply and those that are added */
export function checkAffine(examination: Examination): { readonly factors: readonly string[]; readonly offsets: readonly string[] } {
  const { subject, report } = examination;
  const roles = [...subject.params].map(([name, param]) => [name, roleOf(examination, param)] as const);
  for (const [name, role] of roles) {
    const own = lastName(name);
    if (role === 'none') report(unused(examination, name));
    else if (FACTOR.test(own) && (role === 'offset' || role === 'deviation')) report(words.scaleAsOffset(name, role === 'deviation'));
    else if (OFFSET.test(own) && role === 'factor') report(words.shiftAsScale(name));
  }
  return { factors: namesOf(roles, 'factor'), offsets: namesOf(roles, 'offset') };
}

/** Parameters that put a multiple of the deviation into the output. */
export function deviationParams(examination: Examination): string[] {
  return [...examination.subject.params].filter(([, param]) => roleOf(examination, param) === 'deviation').map(([name]) => name);
}

/** True for names that factors and offsets usually have. */
export function isAffine(name: string): boolean {
  return FACTOR.test(lastName(name)) || OFFSET.test(lastName(name));
}

/** The name of a ref without the path of its module. */
function lastName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function unused({ subject, batches, state }: Examination, name: string): ReturnType<typeof words.unusedParam> {
  const param = subject.params.get(name)!;
  const reads = !subject.failures.has('eval') && !same(subject.run(batches[0], 'eval', state).y, subject.run(batches[0], 'eval', moved(state, param, 1)).y);
  return reads ? words.trainableStatistics(name) : words.unusedParam(name);
}

function roleOf({ subject, batches: [x], state, explanation, features }: Examination, param: Param): Role {
  const random = new RandomStream(7, 'direction');
  const direction = Float64Array.from({ length: param.size }, () => random.normal());
  const [up, down] = [STEP, -STEP].map((step) => subject.run(x, 'train', moved(state, param, step, direction)).y);
  const effect = up.map((value, i) => (value - down[i]) / (2 * STEP));
  if (effect.every((value) => Math.abs(value) < 1e-9)) return 'none';
  const axes = features.axesFor(param.size);
  if (!explanation || !axes) return 'other';
  const { of } = featureSlices(x.shape, axes);
  const along = Float64Array.from(of, (feature) => direction[feature]);
  const { values, deviation } = normalized(x, explanation, features.epsilon);
  if (difference(effect, along.map((d, i) => d * values[i])) < TOLERANCE) return 'factor';
  if (difference(effect, along) < TOLERANCE) return 'offset';
  return difference(effect, along.map((d, i) => d * deviation[i])) < TOLERANCE ? 'deviation' : 'other';
}

/** A state with one ref moved along a direction (all elements alike if none is given). */
export function moved(state: ReadonlyMap<Ref, Float64Array>, ref: Ref, step: number, direction?: Float64Array): Map<Ref, Float64Array> {
  const now = state.get(ref) ?? Float64Array.from(ref.variable.peek());
  return new Map([...state, [ref, now.map((value, i) => value + step * (direction?.[i] ?? 1))]]);
}

function same(a: Float64Array, b: Float64Array): boolean {
  return a.every((value, i) => value === b[i]);
}

function namesOf(roles: readonly (readonly [string, Role])[], wanted: Role): string[] {
  return roles.filter(([, role]) => role === wanted).map(([name]) => name);
}
