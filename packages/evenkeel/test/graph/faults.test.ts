import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/base/index.ts';
import type { DType } from '../../src/base/index.ts';
import { build, grad, make, ops } from '../../src/graph/index.ts';
import type { Node } from '../../src/graph/index.ts';

const x = (shape: readonly number[], dtype: DType = 'f32', where?: string): Node => make(ops.input, [], { slot: 0, shape, dtype }, where);

/** The lines of the fault that `wrong` throws. */
function text(wrong: () => unknown): string[] {
  try {
    wrong();
  } catch (error) {
    if (error instanceof Fault) return error.message.split('\n').map((line) => line.trim());
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('faults of the graph', () => {
  it('E201 operands of different shapes', () => {
    expect(text(() => build.add(x([2, 3]), x([2, 4])))).toEqual([
      'E201 add: operands must have one shape.', 'a [2, 3]   b [2, 4]', 'axis 1: 3 (a), 4 (b)',
      'Fix: reshape or broadcast the operands to one shape first',
    ]);
    expect(text(() => build.mul(x([2]), x([])))[2]).toBe('ranks: 1 (a), 0 (b)');
    expect(text(() => build.mul(x([]), x([2])))[2]).toBe('ranks: 0 (a), 1 (b)');
    expect(text(() => build.select(x([2], 'bool'), x([2]), x([3])))[1]).toBe('a [2]   b [2]   c [3]');
  });

  it('E202 axes that do not exist', () => {
    expect(text(() => build.reduce(x([2, 3]), 'sum', 'value', [2]))).toEqual([
      'E202 sum: the axis must exist.', 'a [2, 3]   axis 2', 'Fix: give an axis from 0 to 1',
    ]);
    expect(text(() => build.flip(x([]), [0]))[2]).toBe('Fix: a scalar has no axes; leave the axis out');
    expect(text(() => build.reduce(x([2, 3]), 'max', 'value', [1, 0]))).toEqual([
      'E202 max: axes must be distinct and ascending.', 'a [2, 3]   axes [1, 0]', 'Fix: give axes [0, 1]',
    ]);
  });

  it('E203 a reshape that gains or loses elements', () => {
    expect(text(() => build.reshape(x([2, 3]), [4]))).toEqual([
      'E203 reshape: the number of elements must not change.', 'a [2, 3] holds 6   [4] holds 4', 'Fix: choose a shape of 6 elements',
    ]);
  });

  it('E204 a product whose axes clash', () => {
    expect(text(() => build.dot(x([32, 784]), x([768, 256]), { batch: 0, contract: 1 }))).toEqual([
      'E204 dot: inner axes must agree.', 'a [32, 784]   b [768, 256]', '784 (a, axis 1) != 768 (b, axis 0)',
      'Fix: give b 784 at axis 0, or reshape or transpose an operand',
    ]);
    expect(text(() => build.dot(x([2, 3, 4]), x([5, 4, 3]), { batch: 1, contract: 1 })).slice(0, 3)).toEqual([
      'E204 dot: batch axes must agree.', 'a [2, 3, 4]   b [5, 4, 3]', '2 (a, axis 0) != 5 (b, axis 0)',
    ]);
    expect(text(() => build.dot(x([]), x([3]), { batch: 0, contract: 1 }))[0]).toBe('E204 dot: operands need all batch and inner axes.');
  });

  it('E205 a broadcast of an axis that is not 1', () => {
    expect(text(() => build.broadcastTo(x([2, 3]), [4, 3]))).toEqual([
      'E205 broadcast: only axes of extent 1 stretch.', 'a [2, 3]   to [4, 3]', 'axis 0: 2 is neither 1 nor 4',
      'Fix: reshape a so that its axes of extent 1 stand where it should repeat',
    ]);
    expect(text(() => build.broadcastTo(x([2, 3]), [3]))[2]).toBe('rank 2 != rank 1');
  });

  it('E206 an order that is no permutation', () => {
    expect(text(() => build.transpose(x([2, 3]), [0, 0]))).toEqual([
      'E206 transpose: the order must name every axis once.', 'a [2, 3]   order [0, 0]', 'Fix: permute [0, 1]',
    ]);
  });

  it('E207 a slice outside the tensor', () => {
    expect(text(() => build.slice(x([2, 3]), [0, 1], [2, 5]))).toEqual([
      'E207 slice: 0 <= start <= stop <= extent and step >= 1.', 'a [2, 3]   axis 1: start 1, stop 5, step 1',
      'Fix: keep the slice of axis 1 within 0 and 3',
    ]);
  });

  it('E208 a list that does not give one number per axis', () => {
    expect(text(() => build.pad(x([2, 3]), [1], [0, 0]))).toEqual([
      'E208 pad: low must give one number per axis, none of them negative.', 'a [2, 3]   low [1]', 'Fix: give 2 numbers of 0 or more',
    ]);
    expect(text(() => build.pad(x([2]), [0], [-1]))[1]).toBe('a [2]   high [-1]');
  });

  it('E209 a concatenation of unlike parts', () => {
    expect(text(() => build.concat([x([2, 3]), x([3, 3])], 1))).toEqual([
      'E209 concat: all axes but axis 1 must agree.', 'a [2, 3]   b [3, 3]', 'Fix: reshape or slice the operands so that only axis 1 differs',
    ]);
  });

  it('E210 operands of different dtypes', () => {
    expect(text(() => build.add(x([2]), x([2], 'i32')))).toEqual([
      'E210 add: operands must have one dtype.', 'a f32 [2]   b i32 [2]', "Fix: cast one of them, for example b.cast('f32')",
    ]);
  });

  it('E211 a dtype that an op does not take', () => {
    expect(text(() => build.exp(x([2], 'i32')))).toEqual(['E211 exp: a must be f32.', 'a i32 [2]', "Fix: cast it first: a.cast('f32')"]);
    expect(text(() => build.add(x([], 'bool'), x([], 'bool')))[0]).toBe('E211 add: a must be f32, i32, u32.');
    expect(text(() => build.select(x([]), x([]), x([])))[0]).toBe('E211 select: a must be bool.');
    expect(text(() => build.reduce(x([3], 'i32'), 'moments', 'mean', [0]))[0]).toBe('E211 moments: a must be f32.');
    expect(text(() => build.random(x([], 'i32'), { seed: 0, site: 0, shape: [] }))[0]).toBe('E211 random: a must be u32.');
  });

  it('E212 a gather from nothing', () => {
    expect(text(() => build.gather(x([0, 3]), x([2], 'i32')))).toEqual([
      'E212 gather: there must be rows to take from.', 'a [0, 3]   b [2]', 'Fix: give x a leading axis with at least one row',
    ]);
  });

  it('E213 windows that cannot be', () => {
    expect(text(() => build.skew(x([4, 3]), { axis: 0, window: 1, stride: 0, dilation: 1, padding: 0, out: 2 }))).toEqual([
      'E213 skew: stride and dilation must be at least 1 and sizes whole numbers.', 'a [4, 3]',
      'stride 0, dilation 1, padding 0, 2 windows', 'Fix: choose another window, stride, dilation or padding',
    ]);
    const same = { axis: 0, window: 0, stride: 1, dilation: 1, padding: 0, out: 2, size: 4 };
    expect(text(() => build.unskew(x([2, 3]), same))[0]).toBe('E213 unskew: the window needs an axis of its own.');
  });

  it('E214 data that does not fill its shape', () => {
    expect(text(() => build.constant(new Float32Array(5), [2, 3]))).toEqual([
      'E214 constant: the data must fill the shape.', '[2, 3] holds 6   got 5 values', 'Fix: give 6 values, or another shape',
    ]);
  });

  it('E215 and E216 gradients of or for the wrong thing', () => {
    const a = x([2]);
    expect(text(() => grad(a, [a]))).toEqual([
      'E215 grad: the loss must be one f32 number.', 'loss f32 [2]', 'Fix: reduce it first, for example loss.mean()',
    ]);
    expect(text(() => grad(x([], 'i32'), [a]))[2]).toBe("Fix: cast it first: loss.cast('f32')");
    expect(text(() => grad(x([]), [a, x([3], 'i32')]))).toEqual([
      'E216 grad: gradients flow to f32 only.', 'tensor 1: i32 [3]', 'Fix: ask for the gradient of an f32 tensor',
    ]);
  });

  it('E217 a gradient that does not look like its value', () => {
    const a = x([2]);
    expect(text(() => grad(a, [a], x([3])))).toEqual([
      'E217 grad: the seed must look like its value.', 'value f32 [2]   gradient f32 [3]',
      'Fix: return one f32 gradient of the same shape for each differentiable input',
    ]);
    const wrong = build.custom(a, [a], () => [build.full(0, [3])]);
    expect(text(() => grad(wrong, [a], a))[0]).toBe('E217 custom: the gradient of an operand must look like its value.');
  });

  it('E218 an unknown reduction or result', () => {
    expect(text(() => build.reduce(x([2]), 'median', 'value', [0]))).toEqual([
      'E218 reduce: no such reduction.', 'got median   known sum, max, min, prod, argmax, moments, softmax',
      'Fix: choose one of sum, max, min, prod, argmax, moments, softmax',
    ]);
    expect(text(() => build.reduce(x([2]), 'moments', 'variance', [0]))[1]).toBe('got variance   known mean, m2, rest');
  });

  it('E219 the wrong number of operands', () => {
    expect(text(() => make(ops.add, [x([])], {}))).toEqual(['E219 add: takes 2 operands.', 'got 1', 'Fix: give it 2 operands']);
    expect(text(() => make(ops.neg, [], {}))[0]).toBe('E219 neg: takes 1 operand.');
    expect(text(() => build.concat([], 0))[0]).toBe('E219 concat: takes 1 or more operands.');
    const short = build.custom(x([2]), [x([2]), x([2])], (g) => [g]);
    expect(text(() => grad(short, [short.inputs[1]], x([2])))[0]).toBe('E219 custom: takes a gradient for each of 2 operands.');
  });

  it('say where in the model it happened', () => {
    expect(text(() => build.add(x([2], 'f32', 'model.encoder.0'), x([3])))).toContain('in model.encoder.0');
  });
});
