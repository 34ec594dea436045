import { describe, expect, it } from 'vitest';
import { Buffer, grad, Param, Ref, tensor, zeros } from '../../src/tensor/index.ts';
import { structureVersion, withPath } from '../../src/runtime/index.ts';
import { faultText, faultTextOf } from '../support/fault-text.ts';

describe('Ref', () => {
  it('is read as another value for a while, and gradients flow through that', async () => {
    const w = new Ref({ shape: [2], data: [1, 2], name: 'w' });
    const y = w.as(w.value.square(), () => w.as(w.value.mul(3), () => w.value));
    const [g] = grad(y.sum(), [w]);
    expect([await y.array(), await g.array(), await w.value.array()]).toEqual([[3, 12], [6, 12], [1, 2]]);
    expect(() => w.as(zeros([3]), () => undefined)).toThrow('E227 as: w keeps its shape and dtype.');
    expect(() => w.as(zeros([2]), () => { throw new RangeError('inside'); })).toThrow(RangeError);
    expect(await w.value.array()).toEqual([1, 2]);
  });

  it('holds a value that eager code replaces when it is read', async () => {
    const w = new Ref({ shape: [2], data: [1, 2], name: 'w' });
    w.assign(w.value.add(1));
    w.assign(w.value.mul(10));
    expect(await w.value.array()).toEqual([20, 30]);
    expect(await w.read()).toEqual(Float32Array.of(20, 30));
    w.write([5, 6]);
    expect(await w.value.array()).toEqual([5, 6]);
  });

  it('starts at zero, copies what it is given and what it gives', async () => {
    const data = Float32Array.of(1, 2);
    const [a, b] = [new Param({ shape: [2], data }), new Buffer({ shape: [], dtype: 'i32' })];
    data[0] = 9;
    (await a.read())[1] = 9;
    expect(await a.read()).toEqual(Float32Array.of(1, 2));
    expect(await b.read()).toEqual(Int32Array.of(0));
  });

  it('E403 refuses a tensor built on a value that was overwritten', async () => {
    const w = new Ref({ shape: [1], name: 'w' });
    const old = w.value.add(1);
    w.write([3]);
    expect(await faultTextOf(old.data())).toEqual([
      'E403 w: this tensor was built on an earlier value, which has been overwritten since.', 'in w',
      'Fix: read the tensor before the step or write that changes the ref, or build it again from ref.value',
    ]);
    expect(await w.value.add(1).array()).toEqual([4]);
  });

  it('E227 keeps its shape and dtype, and says where', () => {
    const w = new Ref({ shape: [2], name: 'w' });
    expect(faultText(() => withPath('model', () => withPath('0', () => w.assign(zeros([3])))))).toEqual([
      'E227 assign: w keeps its shape and dtype.', 'w f32 [2]   got f32 [3]', 'in model.0', 'Fix: reshape, reduce or cast the new value first',
    ]);
  });

  it('E401 refuses another number of values', () => {
    expect(faultText(() => new Ref({ shape: [2], name: 'w' }).write([1]))).toEqual([
      'E401 w: the number of values must match the shape.', 'shape [2] holds 2, got 1', 'Fix: pass the values of one tensor of exactly this shape, row-major',
    ]);
  });

  it('E406 is of no use after dispose', async () => {
    const w = new Ref({ shape: [2], name: 'w' });
    w[Symbol.dispose]();
    expect(await faultTextOf(w.read())).toEqual(['E406 w: its storage was disposed.', 'Fix: dispose a model only after its last step']);
  });
});

describe('Param', () => {
  it('tells compiled steps when it is frozen', () => {
    const w = new Param({ shape: [2] });
    const before = structureVersion();
    w.trainable = true;
    expect(structureVersion()).toBe(before);
    w.trainable = false;
    expect(structureVersion()).toBe(before + 1);
  });
});

describe('grad', () => {
  it('differentiates with respect to tensors and refs, before and after an assignment', async () => {
    const w = new Param({ shape: [2], data: [1, 2], name: 'w' });
    const x = tensor([3, 4]);
    const loss = w.value.mul(x).square().sum();
    const [dw, dx] = grad(loss, [w, x]);
    w.assign(w.value.sub(dw));
    const [again] = grad(loss, [w]);
    const [next] = grad(w.value.sum(), [w]);
    expect(await dw.array()).toEqual([18, 64]);
    expect([await dx.array(), await again.array(), await next.array()]).toEqual([[6, 32], [18, 64], [1, 1]]);
    expect(await w.read()).toEqual(Float32Array.of(-17, -62));
  });

  it('gives zeros for what the loss does not depend on', async () => {
    expect(await grad(tensor([1]).sum(), [tensor([[1, 2]])])[0].array()).toEqual([[0, 0]]);
  });
});
