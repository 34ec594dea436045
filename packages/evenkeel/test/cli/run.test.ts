import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { models } from '../../src/cli/models/index.ts';
import { loadWeights } from '../../src/train/index.ts';
import { tinyMnist } from '../support/mnist-files.ts';

let dir: string;
beforeAll(async () => {
  dir = await tinyMnist(60, 20);
});
afterAll(() => rm(dir, { recursive: true }));

async function command(...args: string[]): Promise<{ code: number; text: string; errors: string }> {
  const seen = { text: '', errors: '' };
  const code = await run(args, { output: { write: (part: string) => (seen.text += part) }, errors: { write: (part: string) => (seen.errors += part) } });
  return { code, ...seen };
}

describe('evenkeel train', () => {
  it('trains, shows how it goes, and saves weights and results', async () => {
    const [out, json] = [join(dir, 'mlp.safetensors'), join(dir, 'result.json')];
    const { code, text, errors } = await command('train', 'mnist-mlp', '--data', dir, '--out', out, '--json', json, '--epochs', '3', '--batch', '16', '--rate', '1e-2', '--threads', '1');
    expect([code, errors]).toEqual([0, '']);
    expect(text).toContain('7 linear 10   [N, 10]          650');
    expect(text).toContain('60 samples, 20 for testing; batch 16, rate 0.01 (linear), seed 0');
    expect(text).toMatch(/epoch 3\/3 {2}loss 0\.\d{4} {2}accuracy [01]\.\d{4} {2}validation loss/);
    expect(text).toMatch(/test loss \d\.\d{4}, test accuracy [01]\.\d{4}\nweights saved to .*mlp\.safetensors\n$/);
    const result = JSON.parse(await readFile(json, 'utf8')) as Record<string, unknown>;
    expect(result).toMatchObject({ model: 'mnist-mlp', seed: 0, threads: 1, epochs: 3, batch: 16, rate: 0.01, norm: 'batch', parameters: 109578 });
    expect(result.epochSeconds).toHaveLength(3);
    for (const name of ['testAccuracy', 'testLoss', 'samplesPerSecond', 'firstStepSeconds']) expect(result[name]).toEqual(expect.any(Number));
    expect(result.testAccuracy).toBeGreaterThan(0.9);
    await loadWeights(models['mnist-mlp']({ norm: 'batch', seed: 9 }), out);
    expect((await readdir(dir)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('builds the models with and without normalization', () => {
    const names = (model: 'mnist-cnn' | 'mnist-mlp', norm: 'batch' | 'none'): string[] => models[model]({ norm, seed: 0 }).modules().slice(1).map(([, module]) => module.describe());
    expect(names('mnist-cnn', 'batch')).toEqual(['conv2d 32, 3x3', 'relu', 'batchNorm', 'maxPool2d 2x2', 'flatten', 'linear 10']);
    expect(names('mnist-cnn', 'none')).toEqual(['conv2d 32, 3x3', 'relu', 'maxPool2d 2x2', 'flatten', 'linear 10']);
    expect(names('mnist-mlp', 'none')).toEqual(['flatten', 'linear 128', 'relu', 'linear 64', 'relu', 'linear 10']);
  });

  it('is a process that ends by itself', async () => {
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
    const out = join(dir, 'process.safetensors');
    const child = spawn(process.execPath, [main, 'train', 'mnist-mlp', '--data', dir, '--out', out, '--epochs', '1'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const text = { out: '', err: '' };
    child.stdout.on('data', (part: Buffer) => (text.out += part.toString()));
    child.stderr.on('data', (part: Buffer) => (text.err += part.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect([code, text.err]).toEqual([0, '']);
    expect(text.out).toContain(`weights saved to ${out}`);
  }, 30_000);

  it('shows help and version', async () => {
    expect((await command('--help')).text).toContain('evenkeel train MODEL [options]');
    expect((await command('train', '--help')).text).toContain('--norm KIND     batch or none (default batch)');
    expect((await command('--version')).text).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('mistakes', () => {
  const help = '     Fix: see evenkeel train --help\n';
  it.each([
    [[], 'E101 evenkeel: say what to do.\n     Fix: evenkeel train mnist-cnn, or evenkeel --help\n'],
    [['fly'], 'E101 evenkeel: there is no command "fly".\n     Fix: evenkeel train mnist-cnn, or evenkeel --help\n'],
    [['train'], 'E101 evenkeel train: name one model.\n     Fix: write evenkeel train MODEL with MODEL one of mnist-cnn, mnist-mlp\n'],
    [['train', 'vgg'], 'E101 evenkeel train: there is no model "vgg".\n     Fix: choose one of mnist-cnn, mnist-mlp\n'],
    [['train', 'mnist-cnn', '--fast'], `E101 evenkeel train: Unknown option '--fast'.\n${help}`],
    [['train', 'mnist-cnn', '--epochs'], `E101 evenkeel train: Option '--epochs <value>' argument missing.\n${help}`],
    [['train', 'mnist-cnn', '--epochs', '1.5'], `E101 evenkeel train: --epochs must be a whole number from 1.\n     got "1.5"\n${help}`],
    [['train', 'mnist-cnn', '--rate', '0'], `E101 evenkeel train: --rate must be a number above 0.\n     got "0"\n${help}`],
    [['train', 'mnist-cnn', '--norm', 'layer'], `E101 evenkeel train: --norm must be batch or none.\n     got "layer"\n${help}`],
    [['train', 'mnist-cnn', '--out', ''], `E101 evenkeel train: --out must name a path.\n     got ""\n${help}`],
    [['train', 'mnist-cnn', '--backend', 'abacus'], /^E101 configure: there is no backend "abacus"\.\n {5}Fix: choose one of .*wasm.*\n$/],
  ])('%j', async (args, message) => {
    const { code, errors, text } = await command(...args);
    expect([code, text]).toEqual([2, '']);
    if (typeof message === 'string') expect(errors).toBe(message);
    else expect(errors).toMatch(message);
  });

  it('are noticed before training: outputs that cannot be written, data that are not there', async () => {
    const folder = join(dir, 'folder');
    await mkdir(folder);
    expect((await command('train', 'mnist-cnn', '--out', folder)).errors).toBe(
      `E507 ${folder}: the file cannot be written (it is a folder).\n     Fix: choose a folder that exists and that you may write to\n`);
    expect((await command('train', 'mnist-cnn', '--json', join(dir, 'no', 'where'))).errors).toContain('the file cannot be written (ENOENT)');
    const { code, errors } = await command('train', 'mnist-cnn', '--data', folder, '--out', join(dir, 'x'));
    expect(code).toBe(2);
    expect(errors).toMatch(/^E501 mnist: the given folder does not have the file \S+\n/);
  });
});
