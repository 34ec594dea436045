import { describe, expect, it } from 'vitest';
import { showValue } from '../../src/base/index.ts';
import { nn, zeros } from '../../src/index.ts';

describe('showValue', () => {
  it('shows what was passed, in one line', () => {
    const values: readonly unknown[] = [Number.NaN, -0.5, 'relu', null, undefined, true, 3n, [1, 2], { groups: 2 }, () => 1];
    expect(values.map(showValue)).toEqual(['NaN', '-0.5', '"relu"', 'null', 'undefined', 'true', '3', '[1,2]', '{"groups":2}', 'a function']);
  });

  it('does not print tensors, layers, long lists and what contains itself', () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect([zeros([100, 100]), nn.linear(2), new Float32Array(1000), loop].map(showValue)).toEqual(['a Tensor', 'a Linear', 'a Float32Array', 'an array']);
    expect(showValue(Array.from({ length: 1000 }, () => 1))).toHaveLength(84);
    expect(() => nn.batchNorm({ epsilon: zeros([100, 100]) as never })).toThrow('got a Tensor\n');
  });
});
