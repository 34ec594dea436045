import { describe, expect, it } from 'vitest';
import { add, and, eq, ge, gt, maximum, minimum, ne, or, Param, pow, sub, tensor, where } from '../../src/tensor/index.ts';
import * as nodes from '../../src/tensor/nodes/index.ts';
import { checkGradient, randomDense } from '../support/check-op.ts';
import { faultText } from '../support/fault-text.ts';

describe('elementwise functions', () => {
  it('broadcast as NumPy does', async () => {
    const column = tensor([[1], [2]]);
    const row = tensor([10, 20, 30]);
    expect(await column.add(row).array()).toEqual([[11, 21, 31], [12, 22, 32]]);
    expect(await sub(1, row).array()).toEqual([-9, -19, -29]);
    expect(await add(1, 2).array()).toBe(3);
  });

  it('take refs where they take tensors', async () => {
    const w = new Param({ shape: [2], data: [1, 2], name: 'w' });
    expect(await tensor([10, 20]).mul(w).array()).toEqual([10, 40]);
    expect(await pow(w, 2).array()).toEqual([1, 4]);
  });

  it('compare and choose', async () => {
    const a = tensor([1, 2, 3]);
    const b = tensor([3, 2, 1]);
    expect(await gt(a, b).array()).toEqual([0, 0, 1]);
    expect(await ge(a, b).array()).toEqual([0, 1, 1]);
    expect(await ne(a, b).array()).toEqual([1, 0, 1]);
    expect(await and(gt(a, 1), a.lt(3)).array()).toEqual([0, 1, 0]);
    expect(await or(eq(a, 1), a.eq(3)).array()).toEqual([1, 0, 1]);
    expect(await where(a.gt(b), a, 0).array()).toEqual([0, 0, 3]);
    expect(await where(tensor([[true], [false]]), a, b).array()).toEqual([[1, 2, 3], [3, 2, 1]]);
    expect(await minimum(a, b).array()).toEqual([1, 2, 1]);
    expect(await maximum(a, 2).array()).toEqual([2, 2, 3]);
  });

  it('limit values with clip, whose gradient is 0 outside', async () => {
    expect(await tensor([-2, 0, 2]).clip(-1, 1).array()).toEqual([-1, 0, 1]);
    checkGradient((x) => nodes.clip(x, -0.5, 0.5), [randomDense([3, 4])], { order: 2 });
  });

  it('have gradients through broadcasting', () => {
    checkGradient((a, b) => nodes.mul(a, nodes.exp(b)), [randomDense([2, 3]), randomDense([3])], { order: 2 });
    checkGradient((a, b) => nodes.where(nodes.gt(a, b), nodes.square(a), b), [randomDense([2, 1]), randomDense([3], -1, 1, 5)]);
  });

  it('E201 marks the clashing axis', () => {
    expect(faultText(() => tensor([[1, 2, 3]]).add(tensor([1, 2])))).toEqual([
      'E201 add: shapes must agree from the last axis on, or be 1.', 'a [1, 3]   b [2]', '3 (a, axis 1) != 2 (b, axis 0)',
      'Fix: reshape one of them so that equal axes line up, with 1 where it should repeat',
    ]);
  });

  it('E210 refuses to mix dtypes, and fractions with integers', () => {
    expect(faultText(() => tensor([1.5]).mul(tensor(Int32Array.of(2))))).toEqual([
      'E210 mul: operands must have one dtype.', 'a f32 [1]   b i32 [1]', "Fix: cast one of them, for example b.cast('f32')",
    ]);
    expect(faultText(() => tensor(Int32Array.of(2)).mul(0.5))).toEqual([
      'E210 mul: 0.5 is not a value of i32.', "Fix: cast the tensor first: x.cast('f32')",
    ]);
  });

  it('E211 refuses arithmetic on bools and conditions that are none', () => {
    expect(faultText(() => tensor([true]).add(tensor([false])))[0]).toBe('E211 add: a must be f32, i32, u32.');
    expect(faultText(() => where(tensor([1]), 1, 2))).toEqual(['E211 where: x must be bool.', 'x f32 [1]', "Fix: cast it first: x.cast('bool')"]);
  });

  it('E222 refuses clip limits that are swapped', () => {
    expect(faultText(() => tensor([1]).clip(1, -1))).toEqual(['E222 clip: low must not be above high.', 'got [1,-1]', 'Fix: swap the limits']);
  });
});
