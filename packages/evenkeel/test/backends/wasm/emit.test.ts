import { describe, expect, test } from 'vitest';
import { Builder, type Value, type VectorProgram } from '../../../src/compiler/vector/index.ts';
import { instantiate } from '../../support/run-wasm.ts';
import { runProgram } from '../../support/vector-machine.ts';

const X = 1024;
const Y = 2048;
const OUT = 4096;
const COUNT = 64;
const SPECIAL = [0, -0, 1, -1, 0.5, 2.5, -2.5, NaN, Infinity, -Infinity, 1e-40, 3e9, -3e9, 5e9, 16777217, 1e-38];

function operands(memory: ArrayBufferLike): void {
  const floats = new Float32Array(memory);
  const words = new Uint32Array(memory);
  let seed = 7;
  const random = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0);
  for (let i = 0; i < COUNT; i++) {
    for (const base of [X, Y]) {
      const at = base / 4 + i;
      if (i < 32) floats[at] = SPECIAL[(base === X ? i : i * 7 + (i >> 4)) % 16];
      else if (i < 48) floats[at] = (random() / 2 ** 32 - 0.5) * 100;
      else words[at] = random();
    }
  }
}

/** Runs a program as WebAssembly and on the reference machine, and compares the memories; any NaN equals any other. */
function compare(program: VectorProgram, args: readonly number[] = []): Float32Array {
  const { memory, exports } = instantiate(program, 1);
  const expected = new ArrayBuffer(65536);
  operands(memory.buffer);
  operands(expected);
  exports[program.functions.at(-1)!.name](...args);
  runProgram(program, expected, args);
  expect(canonical(memory.buffer)).toEqual(canonical(expected));
  return new Float32Array(memory.buffer).slice(OUT / 4, OUT / 4 + COUNT);
}

function canonical(memory: ArrayBufferLike): Uint32Array {
  const words = new Uint32Array(memory.slice(0, 8192));
  return words.map((word) => ((word & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : word));
}

function one(write: (b: Builder) => void, params = 0): VectorProgram {
  const b = new Builder('run', params, 4);
  write(b);
  return { lanes: 4, functions: [b.finish()] };
}

/** out[i] = op(x[i], y[i]), with one vector and then with two neighbours a round. */
function elementwise(op: (b: Builder, x: Value, y: Value) => Value): void {
  for (const width of [1, 2]) {
    compare(one((b) => b.loop(0, 4 * COUNT, 16 * width, (i) => {
      const results = Array.from({ length: width }, (_, j) => b.mutable(op(b, b.let(b.load('f', i, X + 16 * j)), b.let(b.load('f', i, Y + 16 * j)))));
      results.forEach((r, j) => b.store(i, OUT + 16 * j, r));
    })));
  }
}

test('y = 2 x + 1, the smallest kernel', () => {
  const program = one((b) => b.store(b.param(0), 0, b.fma(b.load('f', b.param(0), 0), b.splat('f', 2), b.splat('f', 1))), 1);
  const { memory, exports } = instantiate(program, 1);
  const floats = new Float32Array(memory.buffer);
  floats.set([1, 2, 3, -4]);
  exports.run(0);
  expect([...floats.subarray(0, 4)]).toEqual([3, 5, 7, -7]);
});

describe('values', () => {
  test.each(['add', 'sub', 'mul', 'div', 'min', 'max'] as const)('float %s', (fn) => elementwise((b, x, y) => b.float(fn, x, y)));
  test.each(['min', 'max'] as const)('float %s with a constant keeps a NaN', (fn) => {
    elementwise((b, x) => b.float(fn, x, b.splat('f', 0.75)));
    elementwise((b, x) => b.float(fn, b.splat('f', -0.75), x));
  });
  test.each(['neg', 'abs', 'sqrt', 'floor', 'ceil', 'nearest', 'trunc'] as const)('%s', (fn) => elementwise((b, x) => b.floatUnary(fn, x)));
  test.each(['eq', 'ne', 'lt', 'le'] as const)('float %s', (fn) => elementwise((b, x, y) => b.bits(b.floatCompare(fn, x, y))));
  test.each(['add', 'sub', 'mul', 'and', 'or', 'xor', 'andnot', 'minS', 'maxS', 'minU', 'maxU'] as const)('int %s', (fn) =>
    elementwise((b, x, y) => b.bits(b.int(fn, b.bits(x), b.bits(y)))));
  test.each(['eq', 'ne', 'ltS', 'leS', 'ltU', 'leU'] as const)('int %s', (fn) => elementwise((b, x, y) => b.bits(b.intCompare(fn, b.bits(x), b.bits(y)))));
  test.each(['shl', 'shrU', 'shrS'] as const)('%s, by constants and modulo 32', (fn) => {
    for (const by of [0, 1, 31, 35]) elementwise((b, x) => b.bits(b.shift(fn, b.bits(x), by)));
  });
  test.each(['intS', 'intU'] as const)('%s saturates', (fn) => elementwise((b, x) => b.bits(b.convert(fn, x))));
  test.each(['floatS', 'floatU'] as const)('%s', (fn) => elementwise((b, x) => b.convert(fn, b.bits(x))));
  test('fma rounds twice without relaxed SIMD', () => elementwise((b, x, y) => b.fma(x, y, x)));
  test('blend', () => elementwise((b, x, y) => b.blend(b.floatCompare('lt', x, y), x, y)));
  test.each([0, 1, 2, 3])('rotate by %i', (by) => elementwise((b, x, y) => b.rotate(b.float('add', x, y), by)));
  test('constants: negative, fractional, one a lane, several alike', () => elementwise((b, x) => {
    const lanes = b.float('add', b.laneConstants('f', (lane) => lane - 1.5), b.splat('f', -2.25));
    const words = b.int('add', b.laneConstants('i', (lane) => -lane), b.int('xor', b.splat('i', -7), b.splat('i', 0x80000000)));
    return b.blend(b.bits(x), lanes, b.bits(b.int('add', words, b.splat('i', -7))));
  }));
  test('extract, splatScalar, pack', () => elementwise((b, x, y) => {
    const word = b.bits(y);
    const turned = b.pack([3, 2, 1, 0].map((lane) => b.extract(b.bits(x), lane)));
    const some = b.pack([b.extract(word, 1), b.i32(-5)]);
    return b.bits(b.int('xor', b.int('add', turned, b.splatScalar(b.extract(word, 2))), some));
  }));
});

describe('memory', () => {
  test.each([0, 1, 2, 3, 4])('loads and stores of %i lanes leave the rest alone', (lanes) => {
    compare(one((b) => b.loop(0, 4 * COUNT, 16, (i) => {
      b.store(b.scalar('add', i, 4), OUT, b.load('f', b.scalar('add', i, 8), X, lanes));
      b.store(i, OUT + 1024, b.load('f', i, Y), lanes);
    })));
  });
  test('a three-lane load in the address of a three-lane store', () => {
    compare(one((b) => {
      const zero = b.scalar('and', b.extract(b.bits(b.load('f', b.i32(X), 4, 3)), 0), 0);
      b.store(b.scalar('add', zero, OUT), 0, b.load('f', b.i32(Y), 0, 3), 3);
    }));
  });
  test('loadSplat', () => compare(one((b) => b.store(b.i32(OUT), 0, b.loadSplat('f', b.i32(X), 12)))));
  test('gather, whole and in part', () => compare(one((b) => {
    const addresses = [12, 100, 4, 32].map((at) => b.i32(X + at));
    b.store(b.i32(OUT), 0, b.gather('f', addresses, 8));
    b.store(b.i32(OUT), 16, b.gather('f', addresses.slice(1), 0));
    b.store(b.i32(OUT), 32, b.gather('f', [], 0));
  })));
  test('loadScalar and storeScalar', () => compare(one((b) => b.storeScalar(b.i32(OUT), 8, b.loadScalar(b.i32(X), 200)))));
});

describe('scalars', () => {
  test.each(['add', 'sub', 'mul', 'shl', 'shrU', 'and', 'or', 'xor', 'divS', 'remS', 'eq', 'ne', 'ltS', 'leS', 'geS', 'gtS'] as const)('%s', (fn) => {
    for (const args of [[7, 3], [-7, 3], [3, 7], [5, 5], [0x7fffffff, 2], [-1, 31]]) {
      compare(one((b) => b.storeScalar(b.i32(OUT), 0, b.scalar(fn, b.param(0), b.param(1))), 2), args);
    }
  });
  test('choose', () => {
    for (const condition of [0, 1, -4]) compare(one((b) => b.storeScalar(b.i32(OUT), 0, b.choose(b.param(0), b.i32(-129), b.i32(64))), 1), [condition]);
  });
});

describe('statements', () => {
  const append = (b: Builder, at: Value, value: Value): void => {
    b.storeScalar(at, OUT, value);
    b.assign(at, b.scalar('add', at, 4));
  };

  test.each([[0, 5], [3, 3], [4, 1], [-2, 2]])('a loop from %i to %i, as constants and as parameters', (from, to) => {
    compare(one((b) => {
      const at = b.mutable(b.i32(0));
      b.loop(from, to, 2, (i) => append(b, at, i));
      b.loop(b.param(0), b.param(1), 2, (i) => append(b, at, i));
      append(b, at, b.i32(77));
    }, 2), [from, to]);
  });

  test('a bound is evaluated once', () => {
    compare(one((b) => {
      const at = b.mutable(b.i32(0));
      const bound = b.mutable(b.i32(4));
      b.loop(0, bound, 1, (i) => { b.assign(bound, b.i32(2)); append(b, at, i); });
      b.loop(0, b.loadScalar(b.i32(OUT), 8), 1, (i) => { b.storeScalar(b.i32(OUT), 8, b.i32(0)); append(b, at, i); });
    }));
  });

  test('locals of a loop keep their values across rounds, after it and out of branches', () => {
    compare(one((b) => {
      const at = b.mutable(b.i32(0));
      const sum = b.mutable(b.splat('f', 0));
      let last: Value = sum;
      b.loop(0, b.param(0), 1, (i) => {
        const carried = b.mutable(b.load('f', b.scalar('mul', i, 16), X));
        b.loop(0, 2, 1, () => b.assign(carried, b.float('add', carried, b.splat('f', 0.125))));
        b.when(b.scalar('and', i, 1), () => { last = b.mutable(carried); });
        b.assign(sum, b.float('add', sum, last));
        append(b, at, i);
      });
      b.store(b.i32(OUT), 512, sum);
      b.store(b.i32(OUT), 528, last);
    }, 1), [7]);
  });

  test('if and else', () => {
    for (const arg of [0, 1]) {
      compare(one((b) => {
        const at = b.mutable(b.i32(0));
        b.when(b.param(0), () => append(b, at, b.i32(1)), () => append(b, at, b.i32(2)));
        b.when(b.param(0), () => append(b, at, b.i32(3)));
      }, 1), [arg]);
    }
  });

  test('calls, and exports by name', () => {
    const store = new Builder('store', 2, 4);
    store.storeScalar(store.param(0), OUT, store.param(1));
    const twice = new Builder('twice', 1, 4);
    twice.call('store', twice.param(0), twice.i32(-1));
    twice.call('store', twice.scalar('add', twice.param(0), 4), twice.i32(300));
    twice.barrier();
    const program = { lanes: 4, functions: [store.finish(), twice.finish()] };
    compare(program, [16]);
    expect(Object.keys(instantiate(program, 1).exports)).toEqual(['twice']);
    expect(Object.keys(instantiate(program, 1, { exports: ['store', 'twice'] }).exports)).toEqual(['store', 'twice']);
  });
});

describe('errors', () => {
  test('an unknown callee, a negative offset, another count of lanes', () => {
    expect(() => instantiate(one((b) => b.call('nowhere')), 1)).toThrow('has no function nowhere');
    expect(() => instantiate(one((b) => b.store(b.i32(0), -4, b.splat('f', 0))), 1)).toThrow('offset -4');
    expect(() => instantiate({ lanes: 8, functions: [] }, 1)).toThrow('4 lanes, the program wants 8');
  });
});
