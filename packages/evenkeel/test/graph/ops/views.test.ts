import { describe, expect, it } from 'vitest';
import type { Shape } from '../../../src/base/index.ts';
import { sizeOf } from '../../../src/base/index.ts';
import { build, dense, make, ops } from '../../../src/graph/index.ts';
import type { Dense, Node, UnskewAttrs, WindowAttrs } from '../../../src/graph/index.ts';
import { apply, checkGradient, checkLower, randomDense } from '../../support/check-op.ts';
import { SHAPES } from '../../support/shapes.ts';

const counted = (shape: Shape): Dense => dense(shape, Array.from({ length: sizeOf(shape) }, (_, i) => i + 1));

/** Lowering and gradient of a view of one operand. */
function check(view: (x: Node) => Node, shape: Shape): void {
  checkLower(view(build.input(0, shape)), [counted(shape)]);
  checkGradient(view, [randomDense(shape)]);
}

describe('reshape', () => {
  it('keeps the row-major order', () => {
    expect([...apply((x) => build.reshape(x, [3, 2]), [counted([2, 3])]).data]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('works from every shape to every other of its size', () => {
    const groups = [[[], [1], [1, 1, 1, 1, 1]], [[0], [2, 0, 3], [0, 5]], [[12], [3, 4], [2, 1, 6], [2, 3, 2], [2, 1, 3, 1, 2], [1, 12]]];
    for (const group of groups) {
      for (const from of group) for (const to of group) check((x) => make(ops.reshape, [x], { shape: to }), from);
    }
  });
});

describe('transpose', () => {
  it('moves axis order[a] to a', () => {
    expect([...apply((x) => build.transpose(x, [1, 0]), [counted([2, 3])]).data]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it('works for ranks 0 to 5', () => {
    const rotate = (n: number): number[] => Array.from({ length: n }, (_, axis) => (axis + 1) % n);
    for (const shape of SHAPES) check((x) => build.transpose(x, rotate(shape.length)), shape);
    check((x) => build.transpose(x, [0, 3, 1, 4, 2]), [2, 3, 1, 2, 2]);
  });
});

describe('broadcast', () => {
  it('repeats along axes of extent 1', () => {
    expect([...apply((x) => build.broadcastTo(x, [2, 3]), [counted([2, 1])]).data]).toEqual([1, 1, 1, 2, 2, 2]);
    expect([...apply((x) => build.broadcastTo(x, [2, 2]), [counted([2])]).data]).toEqual([1, 2, 1, 2]);
  });

  it('works for ranks 0 to 5', () => {
    for (const shape of SHAPES) check((x) => make(ops.broadcast, [x], { shape: shape.map((extent, axis) => (extent === 1 ? axis + 2 : extent)) }), shape);
    check((x) => build.broadcastTo(x, [0, 3]), [1, 3]);
    checkGradient((x) => build.broadcastTo(x, [2, 1, 3]), [randomDense([])]);
  });

  it('is undone by sumTo', () => {
    expect([...apply((x) => build.sumTo(x, [3]), [counted([2, 3])]).data]).toEqual([5, 7, 9]);
    checkGradient((x) => build.sumTo(x, [2, 1]), [randomDense([4, 2, 3])]);
  });
});

describe('slice', () => {
  it('takes every step-th element from start to before stop', () => {
    expect([...apply((x) => build.slice(x, [1], [7], [2]), [counted([9])]).data]).toEqual([2, 4, 6]);
  });

  it('works for ranks 0 to 5, any step and empty results', () => {
    for (const shape of SHAPES) {
      check((x) => build.slice(x, shape.map((e) => Math.min(1, e)), shape), shape);
      check((x) => build.slice(x, shape.map(() => 0), shape, shape.map(() => 2)), shape);
    }
    for (const [start, stop, step] of [[0, 7, 3], [1, 7, 3], [2, 6, 2], [6, 7, 4], [3, 3, 1], [0, 1, 9]]) {
      check((x) => build.slice(x, [start, 1], [stop, 3], [step, 1]), [7, 3]);
    }
  });
});

describe('pad', () => {
  it('puts a border of one value around', () => {
    expect([...apply((x) => build.pad(x, [1], [2], -Infinity), [counted([2])]).data]).toEqual([-Infinity, 1, 2, -Infinity, -Infinity]);
  });

  it('works for ranks 0 to 5 and around nothing', () => {
    for (const shape of SHAPES) {
      check((x) => build.pad(x, shape.map((_, axis) => axis % 3), shape.map((_, axis) => (axis + 1) % 2), 7), shape);
    }
  });
});

describe('concat', () => {
  it('joins along the axis', () => {
    expect([...apply((a, b) => build.concat([a, b], 1), [counted([2, 1]), counted([2, 2])]).data]).toEqual([1, 1, 2, 2, 3, 4]);
  });

  it('works for any number of parts, empty ones and one part twice', () => {
    const inputs = [counted([2, 3, 2]), counted([2, 0, 2]), counted([2, 1, 2])];
    const join = (...xs: Node[]): Node => build.concat(xs, 1);
    checkLower(join(...inputs.map((x, slot) => build.input(slot, x.shape))), inputs);
    checkGradient(join, inputs);
    for (const shape of SHAPES.filter((s) => s.length > 0)) {
      const axis = shape.length - 1;
      checkLower(build.concat([build.input(0, shape), build.input(1, shape)], axis), [counted(shape), randomDense(shape)]);
      checkLower(build.concat([build.input(0, shape)], 0), [counted(shape)]);
    }
    checkGradient((x) => build.concat([x, x], 0), [randomDense([2, 2])]);
  });
});

describe('flip', () => {
  it('reverses the axes', () => {
    expect([...apply((x) => build.flip(x, [1]), [counted([2, 3])]).data]).toEqual([3, 2, 1, 6, 5, 4]);
  });

  it('works for ranks 0 to 5', () => {
    for (const shape of SHAPES) check((x) => build.flip(x, shape.flatMap((_, axis) => (axis % 2 === 0 ? [axis] : []))), shape);
  });
});

describe('skew and unskew', () => {
  const windows: readonly WindowAttrs[] = [
    { axis: 0, window: 1, stride: 1, dilation: 1, padding: 0, out: 3 },
    { axis: 0, window: 1, stride: 2, dilation: 1, padding: 1, out: 3 },
    { axis: 0, window: 1, stride: 3, dilation: 2, padding: 4, out: 4 },
    { axis: 1, window: 0, stride: 1, dilation: 3, padding: 2, out: 5 },
    { axis: 1, window: 0, stride: 2, dilation: 1, padding: -1, out: 2 },
    { axis: 0, window: 1, stride: 1, dilation: 1, padding: 0, out: 0 },
  ];

  it('makes sliding windows of a broadcast', () => {
    const slide = (x: Node): Node =>
      build.skew(build.broadcastTo(build.reshape(x, [4, 1]), [4, 3]), { axis: 0, window: 1, stride: 1, dilation: 1, padding: 1, out: 4 });
    expect([...apply(slide, [counted([4])]).data]).toEqual([0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 0]);
  });

  it('lower to their references and have each other as gradients', () => {
    for (const attrs of windows) {
      for (const shape of [[5, 3], [5, 3, 2], [1, 1], [4, 1, 0]]) {
        check((x) => build.skew(x, attrs), shape);
        const skewed = build.skew(build.input(0, shape), attrs).shape;
        check((y) => build.unskew(y, { ...attrs, size: shape[attrs.axis] } as UnskewAttrs), skewed);
      }
    }
    check((x) => build.skew(x, { axis: 1, window: 3, stride: 2, dilation: 1, padding: 1, out: 2 }), [2, 3, 2, 2, 1]);
  });

  it('are adjoint: <skew x, y> = <x, unskew y>', () => {
    for (const attrs of windows) {
      const x = randomDense([5, 3]);
      const skewed = apply((n) => build.skew(n, attrs), [x]);
      const y = randomDense(skewed.shape, -1, 1, 2);
      const back = apply((n) => build.unskew(n, { ...attrs, size: x.shape[attrs.axis] }), [y]);
      const dot = (a: Dense, b: Dense): number => a.data.reduce((sum, value, i) => sum + value * b.data[i], 0);
      expect(dot(skewed, y)).toBeCloseTo(dot(x, back), 12);
    }
  });
});
