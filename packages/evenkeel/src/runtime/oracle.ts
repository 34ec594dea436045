/** Runs a program by the reference implementations in f64 on the host: slow, and right. */
import { allocate } from '../base/index.ts';
import type { TypedArray } from '../base/index.ts';
import { evaluate } from '../graph/index.ts';
import type { Dense, Node, Program } from '../graph/index.ts';
import { investigate } from './detective.ts';
import type { Feed } from './feed.ts';
import type { Runner } from './runner.ts';
import type { Variable } from './variable.ts';

/** @param debug name the first node that makes NaN or infinity */
export function oracleRunner(program: Program, debug: boolean): Runner {
  const roots = [...program.outputs, ...program.assigns.map((a) => a.value)];
  const compute = debug ? investigate : evaluate;
  return {
    plan: undefined,
    async run(feeds: readonly Feed[]): Promise<TypedArray[]> {
      const values = compute(roots, {
        input: (slot) => dense(feeds[slot].data, feeds[slot].shape),
        ref: (ref) => dense((ref as Variable).peek(), (ref as Variable).shape),
      });
      const arrays = roots.map((node, i) => stored(node, values[i]));
      program.assigns.forEach(({ ref }, i) => {
        const variable = (ref.attrs as { readonly ref: Variable }).ref;
        variable.replace(arrays[program.outputs.length + i].slice());
      });
      return arrays.slice(0, program.outputs.length);
    },
    dispose() {},
  };
}

function dense(data: TypedArray, shape: readonly number[]): Dense {
  return { shape, data: Float64Array.from(data) };
}

function stored(node: Node, value: Dense): TypedArray {
  const array = allocate(node.dtype, value.data.length);
  array.set(value.data);
  return array;
}
