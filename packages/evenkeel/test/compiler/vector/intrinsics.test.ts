import { describe, expect, test } from 'vitest';
import { Builder, intrinsics, type Value, type VectorProgram } from '../../../src/compiler/vector/index.ts';
import { errorFunction } from '../../support/error-function.ts';
import { instantiate } from '../../support/run-wasm.ts';
import { runProgram } from '../../support/vector-machine.ts';

const { exp, expm1, log, log1p, tanh, sigmoid, erf, sin, cos, pow, mod, intDiv, intMod } = intrinsics;
type Write = (b: Builder, x: Value, y: Value) => Value;

const COUNT = 1 << 15;
const BASE = 1024;

function program(write: Write, lanes: number, count: number): VectorProgram {
  const b = new Builder('run', 0, lanes);
  const step = 4 * lanes;
  b.loop(0, 4 * count, 2 * step, (i) => {
    const results = [0, step].map((at) => b.mutable(write(b, b.mutable(b.load('f', i, BASE + at)), b.mutable(b.load('f', i, BASE + 4 * count + at)))));
    results.forEach((r, j) => b.store(i, BASE + 8 * count + j * step, r));
  });
  return { lanes, functions: [b.finish()] };
}

/** The function over arrays of up to COUNT operands, with relaxed SIMD or without. */
function compiled(write: Write, relaxed: boolean): (x: ArrayLike<number>, y?: ArrayLike<number>) => Float32Array {
  const { memory, exports } = instantiate(program(write, 4, COUNT), 8, { relaxed });
  const floats = new Float32Array(memory.buffer, BASE);
  return (x, y = []) => {
    floats.set(x);
    floats.set(y, COUNT);
    exports.run();
    return floats.slice(2 * COUNT, 2 * COUNT + x.length);
  };
}

function ulp(value: number): number {
  return 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(value)))) - 23);
}

/** The worst error over `rounds` * COUNT points of each range, in units of the last place of the true value. */
function worst(write: Write, truth: (x: number) => number, ranges: readonly (readonly [number, number])[], rounds = 4): number {
  let found = 0;
  for (const relaxed of [true, false]) {
    const run = compiled(write, relaxed);
    for (const [low, high] of ranges) {
      for (let round = 0; round < rounds; round++) {
        const x = Float32Array.from({ length: COUNT }, (_, i) => low + ((high - low) * (i + (round + 0.5) / rounds)) / COUNT);
        const y = run(x);
        for (let i = 0; i < COUNT; i++) {
          const exact = truth(x[i]);
          if (y[i] !== Math.fround(exact)) found = Math.max(found, Math.abs(y[i] - exact) / ulp(exact));
        }
      }
    }
  }
  return found;
}

const values = (write: Write, x: readonly number[], y: readonly number[] = []): number[] => [...compiled(write, true)(x, y)];

test('e^0, e^1, e^-1: the smallest example', () => {
  expect(values(exp, [0, 1, -1]).map((v) => v.toFixed(6))).toEqual(['1.000000', '2.718282', '0.367879']);
});

describe('accuracy over a million points each, in units of the last place', () => {
  const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
  test.each<[string, Write, (x: number) => number, number, [number, number][]]>([
    ['exp', exp, Math.exp, 1.01, [[-1, 1], [-104, 88.7], [-1e-3, 1e-3], [-88, -86]]],
    ['expm1', expm1, Math.expm1, 1.6, [[-1, 1], [-20, 88.7], [-1e-3, 1e-3], [-0.4, 0.4]]],
    ['log', log, Math.log, 0.9, [[0.5, 2], [1e-40, 1e-38], [0.01, 100], [0.99, 1.01], [1, 3e38]]],
    ['log1p', log1p, Math.log1p, 0.9, [[-0.9999, 1], [-0.01, 0.01], [1, 1e4], [1, 3e38], [-1e-6, 1e-6]]],
    ['tanh', tanh, Math.tanh, 2.6, [[-1, 1], [-10, 10], [-0.01, 0.01], [-1e-6, 1e-6]]],
    ['sigmoid', sigmoid, logistic, 2.6, [[-1, 1], [-87, 88], [-10, 10]]],
    ['erf', erf, errorFunction, 1.3, [[-1, 1], [-5, 5], [-0.01, 0.01], [0.8, 1.1]]],
    ['sin', sin, Math.sin, 2.4, [[-1, 1], [-10, 10], [-1e4, 1e4], [3.1, 3.2]]],
    ['cos', cos, Math.cos, 2.4, [[-1, 1], [-10, 10], [-1e4, 1e4], [1.5, 1.6]]],
  ])('%s', (_, write, truth, limit, ranges) => {
    expect(worst(write, truth, ranges)).toBeLessThan(limit);
  });

  test.each([[0, 2, 3], [0, 100, 20], [0.5, 1.5, 200], [0.9, 1.1, 900], [1e-30, 1e30, 1], [0.999, 1.001, 60000], [1e-42, 1e-38, 1]])(
    'pow of %d .. %d to the power of +-%d', (low, high, power) => {
      let seed = 3;
      const random = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
      for (const relaxed of [true, false]) {
        const run = compiled(pow, relaxed);
        const x = Float32Array.from({ length: COUNT }, () => low + (high - low) * random());
        const y = Float32Array.from({ length: COUNT }, () => (2 * random() - 1) * power);
        const z = run(x, y);
        let found = 0;
        for (let i = 0; i < COUNT; i++) {
          const exact = x[i] ** y[i];
          if (z[i] !== Math.fround(exact)) found = Math.max(found, Math.abs(z[i] - exact) / ulp(exact));
        }
        expect(found).toBeLessThan(1.3);
      }
    });
});

describe('edges', () => {
  test('exp', () => expect(values(exp, [-Infinity, Infinity, NaN, 88.73, -1e30, 1e30, -200, 0])).toEqual([0, Infinity, NaN, Infinity, 0, Infinity, 0, 1]));
  test('expm1', () => expect(values(expm1, [-Infinity, Infinity, NaN, 89, -1e30, 0])).toEqual([-1, Infinity, NaN, Infinity, -1, 0]));
  test('log', () => expect(values(log, [0, -0, -1, -1e-40, Infinity, -Infinity, NaN, 1])).toEqual([-Infinity, -Infinity, NaN, NaN, Infinity, NaN, NaN, 0]));
  test('log1p', () => expect(values(log1p, [-1, -2, Infinity, -Infinity, NaN, 0])).toEqual([-Infinity, NaN, Infinity, NaN, NaN, 0]));
  test('tanh', () => expect(values(tanh, [-Infinity, Infinity, NaN, 30, -30, 0])).toEqual([-1, 1, NaN, 1, -1, 0]));
  test('sigmoid', () => expect(values(sigmoid, [-Infinity, Infinity, NaN, 0, -1e9, 1e9])).toEqual([0, 1, NaN, 0.5, 0, 1]));
  test('erf', () => expect(values(erf, [-Infinity, Infinity, NaN, 0, 7, -7])).toEqual([-1, 1, NaN, 0, 1, -1]));
  test('sin and cos', () => {
    expect(values(sin, [Infinity, -Infinity, NaN, 0])).toEqual([NaN, NaN, NaN, 0]);
    expect(values(cos, [Infinity, -Infinity, NaN, 0])).toEqual([NaN, NaN, NaN, 1]);
    for (const far of values(sin, [1e6, 1e12, 1e30, -3e38])) expect(Math.abs(far)).toBeLessThanOrEqual(1);
  });
  test('erf and sin are odd', () => {
    const x = [0.001, 0.3, 0.95, 1.7, 3];
    for (const write of [erf, sin]) expect(values(write, x.map((v) => -v))).toEqual(values(write, x).map((v) => -v));
  });
  test('pow', () => {
    const cases = [
      [-2, 3, -8], [-2, 2, 4], [-2, 0.5, NaN], [0, 0, 1], [NaN, 0, 1], [1, NaN, 1], [NaN, 1, NaN], [2, NaN, NaN], [0, -1, Infinity],
      [-0, -1, -Infinity], [-0, -2, Infinity], [0, 2, 0], [0, 0.3, 0], [2, Infinity, Infinity], [2, -Infinity, 0], [0.5, Infinity, 0],
      [0.5, -Infinity, Infinity], [Infinity, 2, Infinity], [Infinity, -2, 0], [Infinity, 0.001, Infinity], [-Infinity, 3, -Infinity],
      [-1, 16777216, 1], [-1, 8388609, -1], [-1, 8388607.5, NaN], [-1, 3e38, 1], [1e20, 1e20, Infinity], [1e-20, 1e20, 0],
      [2, 127, 2 ** 127], [2, 128, Infinity], [2, -149, 2 ** -149], [2, -151, 0], [-1.5, -3, Math.fround(-8 / 27)], [3, 1, 3],
    ];
    expect(values(pow, cases.map((c) => c[0]), cases.map((c) => c[1]))).toEqual(cases.map((c) => c[2]));
  });
  test('mod has the sign of the divisor', () => {
    const cases = [[7, 3, 1], [-7, 3, 2], [7, -3, -2], [-7, -3, -1], [6, 3, 0], [-6, 3, 0], [0.5, 0.25, 0], [-1e-9, 1, 1], [5, Infinity, 5], [-5, Infinity, Infinity],
      [5, -Infinity, -Infinity], [1, 0, NaN], [0, 0, NaN], [Infinity, 3, NaN], [-Infinity, Infinity, NaN], [NaN, 1, NaN], [1, NaN, NaN], [0, 3, 0]];
    expect(values(mod, cases.map((c) => c[0]), cases.map((c) => c[1])).map((v) => v + 0)).toEqual(cases.map((c) => c[2]));
  });
});

describe('mod is the rounded remainder, bit for bit', () => {
  const exact = (x: number, y: number): number => {
    const rest = x % y;
    return Math.fround(rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest);
  };
  const naive: Write = (b, x, y) => b.float('sub', x, b.float('mul', y, b.floatUnary('floor', b.float('div', x, y))));

  /** The worst error, as a part of the divisor, with quotients up to 2^bits; Infinity where a result is none. */
  function worstPart(write: Write, bits: number, relaxed: boolean): number {
    let seed = 5;
    const random = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    const y = Float32Array.from({ length: COUNT }, () => (random() < 0.5 ? -1 : 1) * 2 ** (20 * random() - 10) * (bits > 200 ? 2 ** -138 : 1));
    const x = y.map((d) => (2 * random() - 1) * 2 ** (bits * random()) * d);
    return compiled(write, relaxed)(x, y).reduce((most, got, i) => Math.max(most, Number.isFinite(got) ? Math.abs((got - exact(x[i], y[i])) / y[i]) : Infinity), 0);
  }

  test.each([[3, 4e-7], [11, 1e-4], [24, 0.4], [60, 1e9], [250, 1e20]])('for quotients up to 2^%d, where x - y floor(x / y) is off by more than %d of y', (bits, off) => {
    expect(worstPart(naive, bits, false)).toBeGreaterThan(off);
    for (const relaxed of [true, false]) expect(worstPart(mod, bits, relaxed)).toBe(0);
  });
});

describe('integers', () => {
  const operands = [0, 1, -1, 2, 3, -3, 7, -7, 10, 255, -256, 65537, 0x7fffffff, -0x7fffffff, -0x80000000, 0x40000000, 123456789, -987654321];
  const pairs = operands.flatMap((a) => operands.map((d) => [a, d]));
  const run = (write: (b: Builder, a: Value, d: Value) => Value, got: Int32ArrayConstructor | Uint32ArrayConstructor): number[] => {
    const bits = (column: number): Float32Array => new Float32Array(Int32Array.from(pairs, (p) => p[column]).buffer);
    const result = compiled((b, x, y) => b.bits(write(b, b.bits(x), b.bits(y))), true)(bits(0), bits(1));
    return [...new got(result.buffer as ArrayBuffer)];
  };
  const floorMod = (a: number, d: number): number => (d === 0 ? 0 : a - d * Math.floor(a / d));

  test('signed division truncates, and a divisor of 0 gives 0', () => {
    expect(run((b, a, d) => intDiv(b, a, d, { signed: true }), Int32Array)).toEqual(pairs.map(([a, d]) => (d === 0 ? 0 : (a / d) | 0)));
  });
  test('signed remainder', () => {
    expect(run((b, a, d) => intMod(b, a, d, { signed: true }), Int32Array)).toEqual(pairs.map(([a, d]) => floorMod(a, d) + 0));
  });
  test('unsigned', () => {
    const unsigned = pairs.map(([a, d]) => [a >>> 0, d >>> 0]);
    expect(run((b, a, d) => intDiv(b, a, d, { signed: false }), Uint32Array)).toEqual(unsigned.map(([a, d]) => (d === 0 ? 0 : Math.floor(a / d))));
    expect(run((b, a, d) => intMod(b, a, d, { signed: false }), Uint32Array)).toEqual(unsigned.map(([a, d]) => floorMod(a, d)));
  });
  test('random pairs of every size', () => {
    let seed = 11;
    const random = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0);
    const word = (): number => (random() >>> (random() >>> 27)) | 0;
    pairs.length = 0;
    for (let i = 0; i < COUNT; i++) pairs.push([word(), word()]);
    expect(run((b, a, d) => intDiv(b, a, d, { signed: true }), Int32Array)).toEqual(pairs.map(([a, d]) => (d === 0 ? 0 : (a / d) | 0)));
    expect(run((b, a, d) => intMod(b, a, d, { signed: true }), Int32Array)).toEqual(pairs.map(([a, d]) => floorMod(a, d) + 0));
    expect(run((b, a, d) => intDiv(b, a, d, { signed: false }), Uint32Array)).toEqual(pairs.map(([a, d]) => (d === 0 ? 0 : Math.floor((a >>> 0) / (d >>> 0)))));
  });
});

test('any count of lanes gives the same bits', () => {
  const all: Write[] = [exp, expm1, log, log1p, tanh, sigmoid, erf, sin, cos, pow, mod];
  const x = Float32Array.from({ length: 48 }, (_, i) => (i - 20) * 0.37);
  const y = Float32Array.from({ length: 48 }, (_, i) => (i % 7) - 3.5);
  for (const write of all) {
    const [four, ...others] = [4, 8, 12].map((lanes) => {
      const memory = new ArrayBuffer(4096);
      new Float32Array(memory, BASE, 48).set(x);
      new Float32Array(memory, BASE + 192, 48).set(y);
      runProgram(program(write, lanes, 48), memory, []);
      return new Float32Array(memory, BASE + 384, 48);
    });
    for (const other of others) expect(other).toEqual(four);
    expect([...compiled(write, false)([...x], [...y])]).toEqual([...four]);
  }
});
