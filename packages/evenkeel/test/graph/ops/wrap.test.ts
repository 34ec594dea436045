import { describe, expect, it } from 'vitest';
import { build, dense, evaluate, grad } from '../../../src/graph/index.ts';
import { checkLower, randomDense } from '../../support/check-op.ts';

const x = build.input(0, [2]);
const bindings = { input: () => dense([2], [3, 4]) };
const total = (y: typeof x) => build.reduce(y, 'sum', 'value', [0]);

describe('stopGradient', () => {
  it('is its operand, with no gradient', () => {
    const y = build.mul(x, build.stopGradient(x));
    const [value, g] = evaluate([y, grad(total(y), [x])[0]], bindings);
    expect([...value.data]).toEqual([9, 16]);
    expect([...g.data]).toEqual([3, 4]);
    checkLower(build.stopGradient(x), [randomDense([2])]);
  });
});

describe('custom', () => {
  it('has the value of y and the gradient that it is given', () => {
    const y = build.custom(build.round(x), [x], (g) => [g]);
    const [value, g] = evaluate([y, grad(total(build.mul(y, y)), [x])[0]], { input: () => dense([2], [1.4, 2.6]) });
    expect([...value.data]).toEqual([1, 3]);
    expect([...g.data]).toEqual([2, 6]);
    checkLower(build.custom(x, [x], () => [undefined]), [randomDense([2])]);
  });

  it('hands its output to the gradient, which can be differentiated again', () => {
    const square = (n: typeof x) => build.custom(build.mul(n, n), [n], (g, _, [a]) => [build.mul(g, build.add(a, a))]);
    const [first] = grad(total(square(x)), [x]);
    const [second] = grad(total(first), [x]);
    expect([...evaluate([second], bindings)[0].data]).toEqual([2, 2]);
    const exp = build.custom(build.exp(x), [x], (g, y) => [build.mul(g, y)]);
    expect(evaluate(grad(total(exp), [x]), bindings)[0].data[0]).toBeCloseTo(Math.exp(3), 12);
  });

  it('does not follow the nodes that computed y', () => {
    const y = build.custom(build.exp(x), [x], () => [undefined]);
    expect([...evaluate(grad(total(y), [x]), bindings)[0].data]).toEqual([0, 0]);
  });
});
