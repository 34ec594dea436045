import { describe, expect, it } from 'vitest';
import { arange, full, ones, stack, tensor, Tensor, zeros } from '../../src/tensor/index.ts';
import { faultText, faultTextOf } from '../support/fault-text.ts';

describe('tensor', () => {
  it('is made of nested numbers and read back', async () => {
    const x = tensor([[1, 2, 3], [4, 5, 6]]);
    expect([x.shape, x.dtype, x.rank, x.size]).toEqual([[2, 3], 'f32', 2, 6]);
    expect(await x.mul(2).array()).toEqual([[2, 4, 6], [8, 10, 12]]);
    expect(await x.sum().item()).toBe(21);
    expect(await tensor(7).array()).toBe(7);
  });

  it('takes its dtype from typed arrays and booleans', () => {
    expect(tensor(Int32Array.of(1, 2)).dtype).toBe('i32');
    expect(tensor(Uint32Array.of(1)).dtype).toBe('u32');
    expect(tensor(Float64Array.of(1)).dtype).toBe('f32');
    expect(tensor(Uint8Array.of(1)).dtype).toBe('i32');
    expect(tensor([[true], [false]]).dtype).toBe('bool');
    expect(tensor([1, 0, 2], [3], 'bool').known).toEqual(Int32Array.of(1, 0, 1));
  });

  it('copies the data it is given', () => {
    const data = Float32Array.of(1, 2);
    const x = tensor(data);
    data[0] = 9;
    expect(x.known).toEqual(Float32Array.of(1, 2));
  });

  it('knows its values once they were read, and still carries gradients', async () => {
    const x = tensor([1, 2]).add(1);
    expect(x.known).toBeUndefined();
    const data = await x.data();
    expect(x.known).toBe(data);
    expect(await x.data()).toBe(data);
  });

  it('is made by zeros, ones, full, arange and stack', async () => {
    expect(await zeros([2]).array()).toEqual([0, 0]);
    expect(await ones([1, 2], 'i32').array()).toEqual([[1, 1]]);
    expect(await full([2], 3).array()).toEqual([3, 3]);
    expect(await arange(3).array()).toEqual([0, 1, 2]);
    expect(await arange(5, -1, -2).array()).toEqual([5, 3, 1]);
    expect(await stack([tensor([1, 2]), tensor([3, 4])], -1).array()).toEqual([[1, 3], [2, 4]]);
    expect(await zeros([0, 3]).sum(0).array()).toEqual([0, 0, 0]);
  });

  it('says what it is', () => {
    expect(String(zeros([2, 3]))).toBe('Tensor(f32 [2, 3])');
    expect(zeros([2])).toBeInstanceOf(Tensor);
  });

  it('E225 refuses item() of several values', async () => {
    expect(await faultTextOf(tensor([1, 2]).item())).toEqual([
      'E225 item: the tensor must hold one value.', 'shape [2] holds 2',
      'Fix: use data() or array(), or reduce it first, for example with mean()',
    ]);
  });

  it('E226 refuses ragged rows and values that do not fill the shape', () => {
    expect(faultText(() => tensor([[1, 2], [3]]))).toEqual([
      'E226 tensor: rows must have equal lengths.', 'axis 1: the first has 2, another 1', 'Fix: pad the short rows',
    ]);
    expect(faultText(() => tensor([1, [2]]))[1]).toBe('axis 1: the first has no rows, another 1');
    expect(faultText(() => tensor([[1], 2]))[1]).toBe('axis 1: the first has 1, another is a number');
    expect(faultText(() => tensor([1, 2, 3], [2, 2]))).toEqual([
      'E226 tensor: the values must fill the shape.', 'shape [2, 2] holds 4, got 3',
      'Fix: leave the shape out, or give one that holds exactly these values',
    ]);
    expect(faultText(() => arange(0, 1, 0.1))).toEqual([
      'E226 arange: limits and step must be whole numbers, the step not 0.', 'got 0, 1, 0.1',
      "Fix: cast and scale the result: arange(10).cast('f32').mul(0.1)",
    ]);
  });
});
