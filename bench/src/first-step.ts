/** Where the time of a first training step goes: the small network of row seed-cnn, batch 128, in fresh processes.
 *
 *  node bench/src/first-step.ts [--rounds 5] [--threads 2]
 *
 *  Prints JSON: milliseconds of each stage, and of a whole first step as a user sees it (`step`), median and best of all rounds.
 *  Reading and stripping the sources is not counted. */

import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { kernelProgram, plan, scratchBytesOf } from '../../packages/evenkeel/src/compiler/index.ts';
import type { Buffer } from '../../packages/evenkeel/src/compiler/index.ts';
import { compileModule, pairsVectors } from '../../packages/evenkeel/src/backends/wasm/compile-module.ts';
import { emitProgram } from '../../packages/evenkeel/src/backends/wasm/emit.ts';
import { wasm } from '../../packages/evenkeel/src/backends/wasm/device.ts';
import { make, ops } from '../../packages/evenkeel/src/graph/index.ts';
import type { Program } from '../../packages/evenkeel/src/graph/index.ts';
import { Adam, compile, configure, crossEntropy, nn, shutdown, Tensor } from '../../packages/evenkeel/src/index.ts';
import { Trace, tracing, Variable } from '../../packages/evenkeel/src/runtime/index.ts';

const BATCH = 128;
const X = [BATCH, 28, 28, 1];
type Times = Record<string, number>;

const { values } = parseArgs({ options: {
  rounds: { type: 'string', default: '5' }, threads: { type: 'string', default: '2' }, stages: { type: 'boolean' }, step: { type: 'boolean' },
} });
const threads = Number(values.threads);
if (values.stages) say(await stages());
else if (values.step) say(await wholeStep());
else report();

/** Each round in processes of its own, so that no code is warm. */
function report(): void {
  const rounds = Array.from({ length: Number(values.rounds) }, () => ({ ...child('--stages'), ...child('--step') }));
  const names = Object.keys(rounds[0]);
  const pick = (choose: (sorted: readonly number[]) => number): Times =>
    Object.fromEntries(names.map((name) => [name, Number(choose(rounds.map((r) => r[name]).sort((a, b) => a - b)).toFixed(1))]));
  const machine = { cpu: cpus()[0].model, cores: cpus().length, node: process.version, threads };
  console.log(JSON.stringify({ machine, median: pick((s) => s[s.length >> 1]), best: pick((s) => s[0]) }, null, 1));
}

function child(part: string): Times {
  const file = fileURLToPath(import.meta.url);
  return JSON.parse(execFileSync(process.execPath, [...process.execArgv, file, part, '--threads', values.threads], { encoding: 'utf8' })) as Times;
}

/** The first step of a user's own loop, and the mean of the next ten. */
async function wholeStep(): Promise<Times> {
  await import('../../packages/evenkeel/src/runtime/device-runner.ts');
  await configure({ threads });
  const train = trainingFunction();
  const step = compile('train', train);
  const batch = { x: { data: new Float32Array(BATCH * 784), shape: X }, y: new Int32Array(BATCH) };
  const start = performance.now();
  await step(batch);
  const first = performance.now();
  for (let i = 0; i < 10; i++) await step(batch);
  const end = performance.now();
  await shutdown();
  return { step: first - start, laterStep: (end - first) / 10 };
}

/** The stages one after the other, as the runtime and the wasm device go through them. */
async function stages(): Promise<Times> {
  const times: Times = {};
  const timed = async <T>(name: string, work: () => T | Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    times[name] = performance.now() - start;
    return result;
  };
  const train = trainingFunction();
  const program = await timed('trace', () => programOf(train));
  const device = await timed('open', () => wasm.open({ threads }));
  const made = await timed('plan', () => plan(program, { tile: device.tile }));
  const scratch = 65536 + made.arenaBytes;
  const address = (b: Buffer): number => (b.kind === 'ref' ? 64 : 65536 + b.offset);
  const code = await timed('program', () => kernelProgram(made, { of: address, scratch }));
  const modules = await timed('emit', () => emitProgram(code, { shared: true, relaxed: true, maxPages: 65536, barrierAddress: 0 }, pairsVectors()));
  await timed('compile', () => modules.map(compileModule));
  const executable = await device.load(made, (ref) => device.allocate((ref as Variable).size * 4));
  await timed('run', () => executable.run());
  await device.close();
  return { ...times, kernels: made.kernels.length, moduleBytes: modules.reduce((sum, { bytes }) => sum + bytes.length, 0), scratchBytes: scratchBytesOf(made), pairs: Number(pairsVectors()) };
}

type Inputs = Readonly<Record<string, Tensor>>;

function trainingFunction(): (inputs: Inputs) => { readonly loss: Tensor } {
  const model = nn.sequential({ input: X.slice(1) },
    nn.conv2d(32, 3), nn.relu(), nn.batchNorm(), nn.maxPool2d(2), nn.flatten(), nn.linear(10));
  const optimizer = new Adam({ rate: 1e-3 });
  return ({ x, y }) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss, model.params());
    return { loss };
  };
}

function programOf(train: (inputs: Inputs) => { readonly loss: Tensor }): Program {
  const trace = new Trace('train', new Variable({ shape: [], dtype: 'u32', name: 'step' }));
  const x = make(ops.input, [], { slot: 0, shape: X, dtype: 'f32' as const });
  const y = make(ops.input, [], { slot: 1, shape: [BATCH], dtype: 'i32' as const });
  const { loss } = tracing(trace, () => train({ x: new Tensor(x), y: new Tensor(y) }));
  const assigns = [...trace.assigns].map(([variable, value]) => ({ ref: trace.before(variable), value }));
  return { inputs: [x, y], outputs: [loss.node], assigns };
}

function say(times: Times): void {
  console.log(JSON.stringify(times));
}
