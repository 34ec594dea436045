import { describe, expect, it } from 'vitest';
import { build, dense, evaluate, ops } from '../../../src/graph/index.ts';
import { checkLower, run } from '../../support/check-op.ts';
import { SHAPES } from '../../support/shapes.ts';

describe('sources', () => {
  it('full is one value everywhere, as its dtype holds it', () => {
    expect(run(build.full(2.5, [2]))).toEqual(dense([2], [2.5, 2.5]));
    expect(run(build.full(-1, [1], 'u32')).data[0]).toBe(0);
    for (const shape of SHAPES) checkLower(build.full(-Infinity, shape));
  });

  it('iota counts along an axis', () => {
    expect(run(build.iota([2, 3], 1))).toEqual(dense([2, 3], [0, 1, 2, 0, 1, 2]));
    expect(build.iota([2], 0).dtype).toBe('i32');
    for (const shape of SHAPES) for (const axis of shape.keys()) checkLower(build.iota(shape, axis));
  });

  it('constant holds data', () => {
    expect(run(build.constant(new Int32Array([1, 2]), [2], 'i32'))).toEqual(dense([2], [1, 2]));
  });

  it('input and ref are bound by whoever evaluates', () => {
    const slot = { name: 'w', shape: [1], dtype: 'f32' as const };
    const y = build.add(build.input(3, [1]), build.ref(slot));
    const bound = { input: (n: number) => dense([1], [n]), ref: (r: { name: string }) => dense([1], [r === slot ? 10 : NaN]) };
    expect(evaluate([y], bound)[0]).toEqual(dense([1], [13]));
    expect(() => evaluate([y])).toThrow('input 3 has no value');
    expect(() => evaluate([y], { input: () => dense([2], [1, 2]) })).toThrow('input 3 has shape [2], not [1]');
  });

  it('keys tell apart what JSON does not', () => {
    const key = (value: number): string => ops.full.key!({ value, shape: [], dtype: 'f32' });
    expect(new Set([0, -0, NaN, Infinity, -Infinity].map(key)).size).toBe(5);
    const data = (at: number): Float32Array => Float32Array.from({ length: 100 }, (_, i) => (i === at ? 1 : 0));
    const constantKey = (at: number): string => ops.constant.key!({ data: data(at), shape: [100], dtype: 'f32' });
    expect(constantKey(3)).toBe(constantKey(3));
    expect(new Set(Array.from({ length: 100 }, (_, at) => constantKey(at))).size).toBe(100);
    const padKey = (value: number): string => ops.pad.key!({ low: [1], high: [0], value });
    expect(padKey(-Infinity)).not.toBe(padKey(NaN));
  });
});
