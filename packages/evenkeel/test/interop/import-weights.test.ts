import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { strToU8, unzipSync, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeWeights, Fault, importWeights, nn } from '../../src/index.ts';
import { faultTextOf } from '../support/fault-text.ts';
import { goldenBits } from '../support/golden-data.ts';
import { expectOutputs, golden, goldenPath, kerasImages, kerasNorms, kerasSequences, tfjsImages, torchImages } from './networks.ts';

const precise = (): nn.Sequential => nn.sequential({ input: [5] }, nn.linear(3));
const valuesOf = async (model: nn.Module): Promise<number[][]> => Promise.all([...model.params(), ...model.buffers()].map(async (ref) => [...(await ref.read())]));
const shards = (path: string): Promise<Uint8Array> => Promise.resolve(golden(`tfjs/${path}`));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-interop-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('files compute the same here', () => {
  const files: readonly (readonly [file: string, make: () => nn.Sequential])[] = [
    ['torch-images.safetensors', torchImages], ['torch-images.pt', torchImages],
    ...['f64', 'f16', 'bf16'].flatMap((type) => [[`torch-${type}.safetensors`, precise] as const, [`torch-${type}.pt`, precise] as const]),
    ['keras-images.keras', kerasImages], ['keras-images.weights.h5', kerasImages], ['keras-images.h5', kerasImages],
    ['keras-norms.keras', kerasNorms], ['keras-norms.weights.h5', kerasNorms], ['keras-norms.h5', kerasNorms],
    ['keras-sequences.keras', kerasSequences], ['keras-sequences.h5', kerasSequences],
  ];

  test.each(files)('%s', async (file, make) => {
    const model = make();
    expect(await importWeights(model, goldenPath(file))).toEqual({ missing: [], unused: [] });
    await expectOutputs(model, file.split('.')[0]);
    const other = make();
    await importWeights(other, golden(file));
    await expectOutputs(other, file.split('.')[0]);
  });

  test('tfjs/model.json', async () => {
    const [byPath, byBytes] = [tfjsImages(), tfjsImages()];
    expect(await importWeights(byPath, goldenPath('tfjs/model.json'))).toEqual({ missing: [], unused: [] });
    await expectOutputs(byPath, 'tfjs');
    await importWeights(byBytes, golden('tfjs/model.json'), { fetchShard: shards });
    expect(await valuesOf(byBytes)).toEqual(await valuesOf(byPath));
  });

  test('the same network in three files of Keras is the same to the bit, and its statistics are not swapped', async () => {
    const models = await Promise.all(['keras-images.keras', 'keras-images.weights.h5', 'keras-images.h5'].map(async (file) => {
      const model = kerasImages();
      await importWeights(model, golden(file));
      return model;
    }));
    const [first, ...others] = await Promise.all(models.map(valuesOf));
    for (const other of others) expect(other).toEqual(first);
    const [mean, variance] = await Promise.all(['1.runningMean', '1.runningVariance'].map((name) => models[0].namedBuffers().get(name)!.read()));
    expect(Math.max(...mean)).toBeLessThan(0.5);
    expect(Math.min(...variance)).toBeGreaterThan(0.5);
  });

  test('a checkpoint: the state dict is found in it, or named', async () => {
    for (const options of [{}, { part: 'model' }]) {
      const model = torchImages();
      await importWeights(model, golden('torch-checkpoint.pt'), options);
      await expectOutputs(model, 'torch-images');
    }
    expect(await faultTextOf(importWeights(torchImages(), golden('torch-checkpoint.pt'), { part: 'ema', source: 'a.pt' }))).toEqual([
      'E518 a.pt: there is no state dict "ema".', 'the file has epoch, note, model, rates', "Fix: say which it is, for example { part: 'ema' }"]);
    expect((await faultTextOf(importWeights(torchImages(), golden('torch-views.pt'), { source: 'a.pt' })))[0]).toBe('E518 a.pt: there is no state dict at the top, or as state_dict, model_state_dict, model.');
  });

  test('views of one storage in a .pt: strides, offsets, scalars, bools, bytes', async () => {
    const files = unzipSync(golden('torch-views.pt'));
    const { readTorchFile } = await import('../../src/interop/torch-file.ts');
    const views = readTorchFile(new Map(Object.entries(files)), 'views', 'views');
    const plain = Object.fromEntries([...views].map(([name, { dtype, shape, data }]) => [name, { dtype, shape, data: [...data] }]));
    const turned = Array.from({ length: 24 }, (_, i) => (i % 4) * 6 + Math.floor(i / 4));
    expect(plain).toEqual({
      columns: { dtype: 'f32', shape: [4, 2], data: [1, 2, 7, 8, 13, 14, 19, 20] }, turned: { dtype: 'f32', shape: [6, 4], data: turned },
      scalar: { dtype: 'i32', shape: [], data: [5] }, flags: { dtype: 'bool', shape: [2], data: [1, 0] }, bytes: { dtype: 'i32', shape: [2], data: [1, 255] },
    });
  });

  test('quantized weights of TensorFlow.js', async () => {
    const weights = [
      { name: 'dense/kernel', shape: [2, 1], dtype: 'float32', quantization: { dtype: 'uint8', scale: 0.5, min: -1, original_dtype: 'float32' } },
      { name: 'dense/bias', shape: [1], dtype: 'float32', quantization: { dtype: 'float16', original_dtype: 'float32' } },
    ];
    const model = nn.sequential({ input: [2] }, nn.linear(1));
    const json = strToU8(JSON.stringify({ weightsManifest: [{ paths: ['w.bin'], weights }] }));
    await importWeights(model, json, { fetchShard: () => Promise.resolve(Uint8Array.of(0, 6, 0, 0x3e)) });
    expect(await valuesOf(model)).toEqual([[-1, 2], [1.5]]);
  });
});

describe('layers of Keras by name', () => {
  class Named extends nn.Module {
    readonly end = nn.linear(2);
    readonly start = nn.linear(3);
    readonly first = nn.recurrent(nn.lstmCell(4));
    forward(x: Parameters<nn.Model['forward']>[0]): ReturnType<nn.Model['forward']> { return this.end.forward(this.first.forward(this.start.forward(x))); }
  }
  const json = (names: readonly string[]): Uint8Array => strToU8(JSON.stringify({ weightsManifest: [{ paths: ['w.bin'], weights: names.map((name) => ({ name: `${name}/kernel`, shape: [1, 1], dtype: 'float32' })) }] }));
  class Two extends nn.Module {
    readonly b = nn.linear(1, { bias: false });
    readonly a = nn.linear(1, { bias: false });
    forward(x: Parameters<nn.Model['forward']>[0]): ReturnType<nn.Model['forward']> { return this.a.forward(this.b.forward(x)); }
  }
  const bytes = (): Promise<Uint8Array> => Promise.resolve(new Uint8Array(Float32Array.of(5, 6).buffer));

  test('if all are paths of the model, else by kind and order', async () => {
    const [named, ordered] = [new Two(), new Two()];
    named.build([1]);
    ordered.build([1]);
    await importWeights(named, json(['a', 'b']), { fetchShard: bytes });
    expect(await valuesOf(named)).toEqual([[6], [5]]);
    await importWeights(ordered, json(['dense_1', 'dense_2']), { fetchShard: bytes });
    expect(await valuesOf(ordered)).toEqual([[5], [6]]);
  });

  test('where the order of layers is unknown, it is not guessed', async () => {
    expect(await faultTextOf(importWeights(kerasSequences(), golden('keras-sequences.weights.h5'), { source: 'a.h5' }))).toEqual([
      "E519 a.h5: the model must have the layers of the file, those of one kind in the file's order.",
      'dense: the file has 3 (start, end, middle) in several places, and without a configuration no order',
      "Fix: save the whole model, model.save('model.keras'), or give the model's modules the names of the file's layers"]);
    const model = new Named();
    model.build([3, 3]);
    expect((await faultTextOf(importWeights(model, golden('keras-sequences.keras'), { source: 'a.keras' })))[0]).toMatch(/^E519 a\.keras/);
  });
});

describe('what is refused', () => {
  const text = async (bytes: Uint8Array | string, make: () => nn.Module = precise): Promise<readonly string[]> => {
    const model = make();
    const before = await valuesOf(model);
    const lines = await faultTextOf(importWeights(model, bytes, typeof bytes === 'string' ? {} : { source: 'a' }));
    expect(await valuesOf(model)).toEqual(before);
    return lines;
  };
  const half = (file: string): Uint8Array => golden(file).subarray(0, Math.floor(golden(file).length / 2));
  const pickled = (...parts: readonly (string | number)[]): Uint8Array => {
    const pickle = Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...strToU8(part)] : [part])));
    return zipSync({ 'a/data.pkl': pickle, 'a/byteorder': strToU8('little') });
  };

  test('damaged files', async () => {
    expect((await text(half('torch-images.pt')))[0]).toBe('E516 a: this is not a whole zip archive.');
    expect((await text(half('keras-images.keras')))[0]).toBe('E516 a: this is not a whole zip archive.');
    expect(await text(half('keras-images.h5'))).toEqual(['E516 a: this is not a whole HDF5 file.', expect.stringMatching(/truncated/), 'Fix: save or copy the file again']);
    expect((await text(half('torch-images.safetensors')))[0]).toBe('E502 a: this is not a whole safetensors file.');
    const flipped = golden('torch-images.pt').slice();
    flipped[flipped.length >> 1] ^= 1;
    expect((await text(flipped, torchImages)).slice(0, 2)).toEqual(['E516 a: this is not a whole zip archive.', expect.stringMatching(/^the checksum of torch-images\/data\/\d+ is another$/)]);
    const lacking = unzipSync(golden('torch-f64.pt'));
    delete lacking[Object.keys(lacking).find((name) => name.endsWith('data/1'))!];
    expect((await text(zipSync(lacking)))[1]).toBe('storage 1 is missing');
    const short = unzipSync(golden('torch-f64.pt'));
    const key = Object.keys(short).find((name) => name.endsWith('data/0'))!;
    expect((await text(zipSync({ ...short, [key]: short[key].subarray(8) })))[1]).toBe('storage 0 has 112 bytes instead of 120');
    expect((await faultTextOf(importWeights(tfjsImages(), golden('tfjs/model.json'), { source: 'a', fetchShard: async (path) => (await shards(path)).subarray(4) }))).slice(0, 2)).toEqual([
      'E516 a: this is not a whole model of TensorFlow.js.', 'its weights need 6428 bytes, the files beside it have 6420']);
  });

  test('files with bytes changed at random load or are refused: nothing else happens', async () => {
    for (const [file, make] of [['torch-f64.pt', precise], ['keras-norms.weights.h5', kerasNorms], ['keras-sequences.keras', kerasSequences], ['tfjs/model.json', tfjsImages]] as const) {
      const model = make();
      for (let seed = 0; seed < 40; seed++) {
        const bytes = golden(file).slice();
        const places = goldenBits(seed, 6);
        for (let i = 0; i < 6; i += 2) bytes[places[i] % bytes.length] = places[i + 1];
        await importWeights(model, bytes, { fetchShard: shards }).catch((error: unknown) => expect([file, seed, error]).toEqual([file, seed, expect.any(Fault)]));
      }
    }
  });

  test('a manifest without shapes', async () => {
    expect((await text(strToU8('{"weightsManifest":[{"paths":["w"],"weights":[{"name":"a/kernel","dtype":"float32"}]}]}')))[1]).toBe(
      'a group of its weightsManifest lacks paths, or a weight its name, shape or dtype');
  });

  test('files of other kinds', async () => {
    expect(await text(strToU8('GIF89a--'))).toEqual([
      'E515 a: this is no file of weights that can be read.', 'its first bytes are 47 49 46 38 39 61 2d 2d', 'Fix: give a safetensors, .pt, .keras, .h5 file or the model.json of TensorFlow.js']);
    expect((await text(await encodeWeights(precise()))).slice(1)).toEqual(['weights of evenkeel itself', 'Fix: read it with loadWeights or decodeWeights']);
    expect((await text(new Uint8Array()))[1]).toBe('its first bytes are none');
    expect((await text(zipSync({ 'word/document.xml': strToU8('<a/>') })))[1]).toBe('a zip archive of neither PyTorch nor Keras');
    expect((await text(Uint8Array.of(0x80, 2, 0x8a, 10))).slice(1)).toEqual(['a pickle without archive, as PyTorch wrote before 1.6', 'Fix: save it again: torch.save(torch.load(path, weights_only=True), path)']);
    expect((await text(strToU8('{"format":"graph-model","weightsManifest":[]}')))[1]).toBe('a graph model of TensorFlow.js');
    expect((await text(strToU8('{"a":1}')))[1]).toBe('JSON without a weightsManifest');
    expect((await text(strToU8('{"a":')))[0]).toBe('E516 a: this is not a whole file of Keras.');
    expect((await text(golden('tfjs/model.json'), tfjsImages)).slice(1)).toEqual(['a model.json as bytes, without the files it names', 'Fix: give its path, or { fetchShard: (path) => bytes }']);
    for (const path of ['../secret', '/etc/passwd', 'a/../../b', 'https://example.org/w', 'C:\\w']) {
      expect((await text(strToU8(JSON.stringify({ weightsManifest: [{ paths: [path], weights: [] }] }))))[1]).toBe(`it names weights outside of its folder: ${path}`);
    }
    expect((await text(join(folder, 'none.pt')))[0]).toMatch(/^E501 .*none\.pt: the file cannot be read \(ENOENT\)/);
  });

  test('pickles that would run something', async () => {
    // What os.system('x'), by GLOBAL and by STACK_GLOBAL, pickles to.
    const rule = 'E517 a: a checkpoint may hold tensors, numbers, text, lists and dicts alone; nothing in it is run.';
    const hint = 'Fix: in PyTorch, torch.save(model.state_dict(), path) writes such a file';
    expect(await text(pickled(0x80, 2, 'cposix\nsystem\n', 'X', 1, 0, 0, 0, 'x', 0x85, 'R.'))).toEqual([rule, 'it would call posix.system', hint]);
    expect((await text(pickled(0x80, 4, 0x8c, 2, 'os', 0x8c, 6, 'system', 0x93, 0x8c, 1, 'x', 0x85, 'R.')))[1]).toBe('it would call os.system');
    expect((await text(pickled(0x80, 2, 'cbuiltins\neval\n', 'X', 1, 0, 0, 0, '1', 0x85, 0x81, '.')))[1]).toBe('it would call builtins.eval');
    expect((await text(pickled(0x80, 2, '(X', 1, 0, 0, 0, '1', 'ibuiltins\neval\n.')))[1]).toBe('instruction 0x69 of the pickle at byte 9');
    expect((await text(pickled(0x80, 2, '}X', 1, 0, 0, 0, '1', 'Q.')))[1]).toBe('a persistent id that is no storage');
  });

  test('pickles that are broken', async () => {
    for (const [parts, reason] of [
      [[0x80, 2, 'X', 9, 0, 0, 0, 'x'], 'it ends in the middle of an instruction'], [[0x80, 2, '.'], 'it takes more from its stack than it put there'],
      [[0x80, 2, 'h', 3, '.'], 'it reads what it has not stored'], [[0x80, 2, 'Nt.'], 'a mark is missing'], [[0x80, 2, 'NNa.'], 'it appends to what is no list'],
      [[0x80, 2, 'NNNs.'], 'it sets an item of what is no dict'], [[0x80, 2, 'NNb.'], 'it sets an item of what is no dict'], [[0x80, 2, 'ca'], 'a line does not end'],
    ] as const) expect((await text(pickled(...parts))).slice(0, 2)).toEqual(['E516 a: this is not a whole pickle.', reason]);
  });

  test('other layers: numbers of them, sizes, variables', async () => {
    const more = (): nn.Sequential => nn.sequential({ input: [5, 4, 3] }, nn.conv2d(8, 1), nn.conv2d(8, 1));
    expect(await text(golden('keras-images.keras'), more)).toEqual([
      "E519 a: the model must have the layers of the file, those of one kind in the file's order.", 'conv2d: the file has 1 (conv2d), the model 2 (0, 1)',
      'Fix: build the same layers; scale: false and center: false where Keras has them']);
    const small = (): nn.Sequential => nn.sequential({ input: [4] }, nn.linear(3));
    expect((await text(golden('keras-norms.weights.h5'), small))[1]).toMatch(/^the model lacks batch_normalization/);
    const bare = (): nn.Sequential => nn.sequential({ input: [5, 4, 3] }, nn.conv2d(8, 3, { bias: false }));
    expect((await text(golden('keras-images.weights.h5'), bare)).slice(1)).toEqual(['conv2d has 2 variables, 0 needs 1 (kernel)', 'Fix: build the layer with the same options: bias, scale, center']);
    const both = (): nn.Sequential => nn.sequential({ input: [3, 3] }, nn.batchNorm());
    expect((await text(golden('keras-sequences.keras'), both)).slice(1, 3)).toEqual(['the file lacks scaled/beta', expect.stringMatching(/^the model lacks .*start\/0/)]);
  });

  test('layers of Keras that compute something else', async () => {
    const plain = (): nn.Sequential => nn.sequential({ input: [3, 2, 4] }, nn.batchNorm(), nn.batchNorm({ scale: false, center: false }));
    expect((await text(golden('keras-norms.keras'), plain))[1]).toMatch(/^the model lacks batch_normalization\/moving_stddev, batch_normalization\/renorm_mean/);
    const config = { class_name: 'Sequential', config: { layers: [{ class_name: 'GRU', config: { name: 'gru', reset_after: false } }] } };
    const json = strToU8(JSON.stringify({ modelTopology: config, weightsManifest: [{ paths: ['w'], weights: [{ name: 'gru/gru_cell/kernel', shape: [1, 3], dtype: 'float32' }] }] }));
    const model = nn.sequential({ input: [2, 1] }, nn.recurrent(nn.gruCell(1)));
    expect((await faultTextOf(importWeights(model, json, { source: 'a', fetchShard: () => Promise.resolve(new Uint8Array(12)) }))).slice(1)).toEqual([
      'gru has reset_after: false, 0.cell computes what Keras does with true', 'Fix: train the layer with that option']);
  });

  test('a missing package, with its name', async () => {
    // Outside of the workspace nothing resolves.
    const source = fileURLToPath(new URL('../../src/', import.meta.url));
    await cp(source, join(folder, 'src'), { recursive: true });
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    const code = `
      import { importWeights, nn } from ${JSON.stringify(join(folder, 'src/index.ts'))};
      for (const file of process.argv.slice(1)) {
        await importWeights(nn.sequential({ input: [5] }, nn.linear(3)), file).then(() => console.log('loaded'), ({ message }) => console.log(message));
      }`;
    const files = ['torch-f64.pt', 'keras-norms.h5', 'torch-f64.safetensors'].map(goldenPath);
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code, ...files], { cwd: folder });
    const lines = stdout.trim().split('\n').map((line) => line.trim());
    expect(lines.filter((line) => !line.startsWith('Cannot find'))).toEqual([
      'E514 importWeights: zip archives (.keras, .pt) are read with the package fflate, which cannot be loaded.', 'Fix: npm install fflate',
      'E514 importWeights: HDF5 files (.h5, .keras) are read with the package h5wasm, which cannot be loaded.', 'Fix: npm install h5wasm', 'loaded']);
  });
});
