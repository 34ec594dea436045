/**
 * Whether a program puts vectors together from lanes of others. V8's search for pairs of vectors (13.6 and 14) walks back from such
 * a vector through everything it was computed from, each shared part once for every path: a draw of random bits keeps it busy for ever.
 */
import type { Statement, Value, VectorFunction, VectorProgram } from '../../compiler/vector/index.ts';

export function joinsLanes(program: VectorProgram): boolean {
  return program.functions.some(joins);
}

function joins(f: VectorFunction): boolean {
  const sets: { readonly index: number; readonly value: Value }[] = [];
  const roots: Value[] = [];
  collect(f.body, sets, roots);
  const lanes = lanesIn(sets);
  return roots.some((root) => some(root, (v) => v.op === 'pack' && v.scalars.some((s) => comesFromLane(s, lanes))));
}

/** The locals that hold a lane, or a number computed from one. */
function lanesIn(sets: readonly { readonly index: number; readonly value: Value }[]): Set<number> {
  const lanes = new Set<number>();
  for (let before = -1; before < lanes.size;) {
    before = lanes.size;
    for (const { index, value } of sets) if (value.type === 'i32' && comesFromLane(value, lanes)) lanes.add(index);
  }
  return lanes;
}

function comesFromLane(value: Value, lanes: ReadonlySet<number>): boolean {
  return some(value, (v) => v.op === 'extract' || (v.op === 'local' && lanes.has(v.index)));
}

function collect(statements: readonly Statement[], sets: { index: number; value: Value }[], roots: Value[]): void {
  for (const s of statements) {
    switch (s.op) {
      case 'set': sets.push(s); roots.push(s.value); break;
      case 'store': case 'storeScalar': roots.push(s.value); break;
      case 'loop': collect(s.body, sets, roots); break;
      case 'if': collect(s.then, sets, roots); collect(s.otherwise, sets, roots); break;
      case 'call': case 'barrier': break;
      default: s satisfies never;
    }
  }
}

function some(value: Value, test: (v: Value) => boolean): boolean {
  return test(value) || operandsOf(value).some((v) => some(v, test));
}

function operandsOf(v: Value): readonly Value[] {
  switch (v.op) {
    case 'local': case 'i32': case 'splat': case 'lanes': return [];
    case 'scalar': case 'float': case 'floatCompare': case 'int': case 'intCompare': return [v.a, v.b];
    case 'choose': return [v.condition, v.a, v.b];
    case 'fma': return [v.a, v.b, v.c];
    case 'blend': return [v.mask, v.a, v.b];
    case 'shift': return [v.a, v.by];
    case 'load': case 'loadScalar': case 'loadSplat': return [v.address];
    case 'gather': return v.addresses;
    case 'pack': return v.scalars;
    case 'extract': case 'splatScalar': case 'floatUnary': case 'convert': case 'bits': case 'rotate': return [v.a];
    default: return v satisfies never;
  }
}
