/**
 * Finds the locals that live within one round of a loop. WebAssembly's locals outlive the loop they are written in, so V8 carries
 * each one around the loop, where the dead value keeps registers busy and stops the pairing of vectors into wider ones. The
 * emitter clears such locals at the loop's end.
 */
import type { Statement, Value, VectorFunction } from '../../compiler/vector/index.ts';

export type Loop = Extract<Statement, { op: 'loop' }>;
type Counts = Map<number, number>;

/** For every loop the locals that its body sets before it reads them and that nothing outside the body mentions. */
export function temporariesOf(f: VectorFunction): ReadonlyMap<Loop, readonly number[]> {
  const inBody = new Map<Loop, Counts>();
  const total = countAll(f.body, inBody);
  const result = new Map<Loop, readonly number[]>();
  for (const [loop, counts] of inBody) {
    result.set(loop, setBeforeRead(loop.body).filter((index) => counts.get(index) === total.get(index)));
  }
  return result;
}

/** Mentions of every local in `statements`; those of loop bodies are also entered in `inBody`. */
function countAll(statements: readonly Statement[], inBody: Map<Loop, Counts>): Counts {
  const counts: Counts = new Map();
  const mention = (index: number, times = 1): void => { counts.set(index, (counts.get(index) ?? 0) + times); };
  const nested = (body: readonly Statement[]): Counts => {
    const inner = countAll(body, inBody);
    for (const [index, times] of inner) mention(index, times);
    return inner;
  };
  for (const s of statements) {
    for (const value of valuesOf(s)) visitLocals(value, mention);
    if (s.op === 'set') mention(s.index);
    else if (s.op === 'loop') {
      mention(s.index);
      inBody.set(s, nested(s.body));
    } else if (s.op === 'if') {
      nested(s.then);
      nested(s.otherwise);
    }
  }
  return counts;
}

function setBeforeRead(body: readonly Statement[]): number[] {
  const seen = new Set<number>();
  const found: number[] = [];
  for (const s of body) {
    for (const value of valuesOf(s)) visitLocals(value, (index) => seen.add(index));
    if (s.op === 'set' && !seen.has(s.index)) found.push(s.index);
    if (s.op === 'set') seen.add(s.index);
    else if (s.op === 'loop' || s.op === 'if') for (const index of countAll([s], new Map()).keys()) seen.add(index);
  }
  return found;
}

/** The values a statement reads itself, without those of the statements inside it. */
function valuesOf(s: Statement): readonly Value[] {
  switch (s.op) {
    case 'set': return [s.value];
    case 'store': return [s.address, s.value];
    case 'storeScalar': return [s.address, s.value];
    case 'loop': return [s.from, s.to];
    case 'if': return [s.condition];
    case 'call': return s.args;
    case 'barrier': return [];
    default: return s satisfies never;
  }
}

function visitLocals(v: Value, visit: (index: number) => void): void {
  switch (v.op) {
    case 'local': visit(v.index); return;
    case 'i32': case 'splat': case 'lanes': return;
    case 'scalar': case 'float': case 'floatCompare': case 'int': case 'intCompare': visitLocals(v.a, visit); visitLocals(v.b, visit); return;
    case 'choose': visitLocals(v.condition, visit); visitLocals(v.a, visit); visitLocals(v.b, visit); return;
    case 'fma': visitLocals(v.a, visit); visitLocals(v.b, visit); visitLocals(v.c, visit); return;
    case 'blend': visitLocals(v.mask, visit); visitLocals(v.a, visit); visitLocals(v.b, visit); return;
    case 'shift': visitLocals(v.a, visit); visitLocals(v.by, visit); return;
    case 'loadScalar': case 'load': case 'loadSplat': visitLocals(v.address, visit); return;
    case 'gather': for (const address of v.addresses) visitLocals(address, visit); return;
    case 'pack': for (const scalar of v.scalars) visitLocals(scalar, visit); return;
    case 'extract': case 'splatScalar': case 'floatUnary': case 'convert': case 'bits': case 'rotate': visitLocals(v.a, visit); return;
    default: v satisfies never;
  }
}
