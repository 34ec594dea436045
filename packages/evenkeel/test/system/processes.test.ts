/** A process ends by itself, without shutdown, when its work is done, and not before. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const home = fileURLToPath(new URL('../../', import.meta.url));

/** Longer than any of these programs takes on a busy machine; one that hangs is killed then. */
const PATIENCE_MS = 30_000;

/** What most programs begin with: two threads, and a step on them that is too large to run on the calling thread. */
const PREAMBLE = `
import { Adam, arrays, compile, configure, crossEntropy, fit, loader, nn, shutdown, tensor } from 'evenkeel';
await configure({ threads: 2 });
const size = 64;
const model = nn.sequential({ input: [28, 28, 1] }, nn.conv2d(8, 3), nn.relu(), nn.batchNorm(), nn.flatten(), nn.linear(10));
const optimizer = new Adam();
const step = compile('train', ({ x, y }) => {
  const loss = crossEntropy(model.forward(x), y);
  optimizer.minimize(loss, model.params());
  return { loss };
});
const batch = { x: { data: new Float32Array(size * 784).map((_, i) => Math.sin(i)), shape: [size, 28, 28, 1] }, y: new Int32Array(size) };
const data = arrays({ x: batch.x, y: { data: batch.y, shape: [size] } });
`;

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
}

function run(program: string): Promise<Ended> {
  const child = spawn(process.execPath, ['--conditions=@evenkeel/source', '--input-type=module', '--eval', PREAMBLE + program], { cwd: home, timeout: PATIENCE_MS });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => { said.out += String(chunk); });
  child.stderr.on('data', (chunk) => { said.err += String(chunk); });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, ...said }));
  });
}

describe('a process ends', () => {
  it.each([
    ['after steps, without shutdown', `for (let i = 0; i < 3; i++) await step(batch); console.log('trained');`, 'trained'],
    ['after fit, without shutdown', `await fit(model, data, { loss: 'crossEntropy', optimizer, epochs: 2, batchSize: 32, verbose: 'silent' }); console.log('fitted');`, 'fitted'],
    ['after eager code', `console.log(await tensor([1, 2]).add(1).array());`, '[ 2, 3 ]'],
    ['after a shutdown, and after a second one', `await step(batch); await shutdown(); await shutdown(); console.log('down');`, 'down'],
    ['with batches prepared ahead that nobody takes', `for await (const { x, y } of loader(data, { batchSize: 8, prefetch: 3 })) { await step({ x, y }); break; } console.log('left');`, 'left'],
    ['while a step runs that nobody waits for', `void step(batch); void step(batch).then(({ loss }) => console.log(loss > 0)); console.log('asked');`, 'asked\ntrue'],
    ['at process.exit in the middle of a step', `await step(batch); void step(batch).then(() => console.log('never')); setImmediate(() => { console.log('exit'); process.exit(0); });`, 'exit'],
  ])('%s', async (_, program, out) => {
    expect(await run(program)).toEqual({ code: 0, signal: null, out: `${out}\n`, err: '' });
  }, PATIENCE_MS + 5000);

  it('at an error, and shows it once', async () => {
    const { code, signal, out, err } = await run(`await step(batch); batch.y[3] = 10; await step(batch); console.log('never');`);
    expect([code, signal, out]).toEqual([1, null, '']);
    expect(err.match(/Fault: E402 train: input "y" indexes 10 entries and must lie in 0 \.\. 9\./g)).toHaveLength(1);
  }, PATIENCE_MS + 5000);

  it('at an error in a step that nobody waits for', async () => {
    const { code, signal, err } = await run(`batch.y[3] = 10; step(batch);`);
    expect([code, signal]).toEqual([1, null]);
    expect(err).toContain('E402');
  }, PATIENCE_MS + 5000);

  it('at an error in a batch that was prepared ahead', async () => {
    const { code, err } = await run(`
      const broken = { length: 64, batch: (indices) => { if (indices[0] >= 16) throw new Error('no such file'); return data.batch(indices); } };
      for await (const { x, y } of loader(broken, { batchSize: 8, prefetch: 3 })) await step({ x, y });`);
    expect(code).toBe(1);
    expect(err.match(/Error: no such file/g)).toHaveLength(1);
  }, PATIENCE_MS + 5000);
});
