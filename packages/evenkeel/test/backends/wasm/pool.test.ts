import { execFile } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { emitModule } from '../../../src/backends/wasm/emit.ts';
import { InlinePool, ThreadPool } from '../../../src/backends/wasm/pool.ts';
import type { Pool } from '../../../src/backends/wasm/pool.ts';
import { CONTROL } from '../../../src/backends/wasm/thread-source.ts';
import { Builder } from '../../../src/compiler/vector/index.ts';

const AT = 65536;

/** Every thread adds its number + 1 to its own word, meets the others, and copies its neighbour's word; thread `trap` traps. */
function module(shared: boolean, trap = -1): WebAssembly.Module {
  const b = new Builder('run', 2, 4);
  const [thread, threads] = [b.param(0), b.param(1)];
  const mine = b.let(b.scalar('mul', thread, 4));
  b.when(b.scalar('eq', thread, trap), () => b.storeScalar(b.i32(-4), 0, b.i32(1)));
  b.storeScalar(mine, AT, b.scalar('add', b.loadScalar(mine, AT), b.scalar('add', thread, 1)));
  b.barrier();
  const neighbour = b.scalar('mul', b.scalar('remS', b.scalar('add', thread, 1), threads), 4);
  b.storeScalar(mine, AT + 256, b.loadScalar(neighbour, AT));
  const bytes = emitModule({ lanes: 4, functions: [b.finish()] }, { shared, relaxed: false, maxPages: 16, barrierAddress: CONTROL.barrier * 4 });
  return new WebAssembly.Module(bytes);
}

const pools: Pool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((p) => p.close()));
});

function threads(count: number): { pool: ThreadPool; words: Int32Array } {
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 16, shared: true });
  const pool = new ThreadPool(memory, count);
  pools.push(pool);
  return { pool, words: new Int32Array(memory.buffer, AT) };
}

describe('ThreadPool', () => {
  it('runs a module on all threads, which meet at its barriers', async () => {
    const { pool, words } = threads(3);
    const id = pool.load([module(true)], 'run', false);
    await pool.run(id);
    expect([...words.subarray(0, 3), ...words.subarray(64, 67)]).toEqual([1, 2, 3, 2, 3, 1]);
    for (let i = 0; i < 200; i++) await pool.run(id);
    expect([...words.subarray(0, 3)]).toEqual([201, 402, 603]);
  });

  it('may be told to start before there is a module', async () => {
    const { pool, words } = threads(2);
    pool.prepare();
    pool.prepare();
    await pool.run(pool.load([module(true)], 'run', false));
    expect([...words.subarray(0, 2)]).toEqual([1, 2]);
    const { pool: closed } = threads(2);
    closed.prepare();
    await closed.close();
  });

  it('loads and forgets modules while it lives', async () => {
    const { pool, words } = threads(2);
    const [a, b] = [pool.load([module(true)], 'run', false), pool.load([module(true)], 'run', false)];
    await pool.run(a);
    pool.unload(a);
    pool.unload(a);
    const c = pool.load([module(true)], 'run', false);
    await pool.run(c);
    await pool.run(b);
    expect([...words.subarray(0, 2)]).toEqual([3, 6]);
    await expect(pool.run(a)).rejects.toThrow('is not loaded');
  });

  it('runs small modules on the calling thread, past their barriers', async () => {
    const { pool, words } = threads(4);
    const [small, large] = [pool.load([module(true)], 'run', true), pool.load([module(true)], 'run', false)];
    await pool.run(small);
    expect([...words.subarray(0, 4), words[64]]).toEqual([1, 0, 0, 0, 1]);
    await pool.run(large);
    await pool.run(small);
    await pool.run(large);
    expect([...words.subarray(0, 4)]).toEqual([4, 4, 6, 8]);
    pool.unload(small);
    await expect(pool.run(small)).rejects.toThrow('is not loaded');
  });

  it('reports a trap though the others wait at a barrier, and works again afterwards', async () => {
    const { pool, words } = threads(3);
    const [bad, good] = [pool.load([module(true, 1)], 'run', false), pool.load([module(true)], 'run', false)];
    await expect(pool.run(bad)).rejects.toThrow(/a kernel trapped: RuntimeError/);
    words.fill(0);
    await pool.run(good);
    expect([...words.subarray(0, 3)]).toEqual([1, 2, 3]);
    await expect(pool.run(bad)).rejects.toThrow('trapped');
  });

  it('lets the event loop run while the threads work', async () => {
    const { pool } = threads(2);
    const id = pool.load([module(true)], 'run', false);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 0);
    for (let i = 0; i < 300; i++) await pool.run(id);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
  });
});

describe('InlinePool', () => {
  it('runs inside the call', async () => {
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 16 });
    const pool = new InlinePool(memory);
    const [good, bad] = [pool.load([module(false)], 'run'), pool.load([module(false, 0)], 'run')];
    await pool.run(good);
    expect(new Int32Array(memory.buffer, AT)[0]).toBe(1);
    await expect(pool.run(bad)).rejects.toThrow('a kernel trapped');
    pool.unload(good);
    await expect(pool.run(good)).rejects.toThrow('is not loaded');
    await pool.close();
  });
});

describe('a process', () => {
  it('ends by itself with threads asleep, but not while they work', async () => {
    const script = `
      import { configure, tensor, compile } from './program.ts';
      await configure({ backend: 'wasm', threads: 2 });
      const step = compile('work', ({ x }) => ({ y: x.matmul(x).sum() }));
      for (let i = 0; i < 3; i++) process.stdout.write(String((await step({ x: tensor(new Float32Array(400 * 400).fill(1), [400, 400]) })).y) + ' ');`;
    const [runtime, tensor] = ['runtime', 'tensor'].map((name) => new URL(`../../../src/${name}/index.ts`, import.meta.url).href);
    const code = script.replace("import { configure, tensor, compile } from './program.ts';", `import { configure } from '${runtime}'; import { tensor, compile } from '${tensor}';`);
    const output = await new Promise<string>((resolve, reject) => {
      execFile(process.execPath, ['--input-type=module', '--eval', code], { timeout: 20_000 }, (error, out) => (error ? reject(error) : resolve(out)));
    });
    expect(output).toBe('64000000 64000000 64000000 ');
  });
});
