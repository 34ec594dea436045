import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { mnist } from '../../src/data/index.ts';
import { tinyMnist } from '../support/mnist-files.ts';

const folders: string[] = [];
afterEach(async () => {
  delete process.env.EVENKEEL_MNIST;
  for (const dir of folders.splice(0)) await rm(dir, { recursive: true });
});
async function folder(train = 5, test = 3): Promise<string> {
  const dir = await tinyMnist(train, test);
  folders.push(dir);
  return dir;
}

describe('mnist', () => {
  it('gives pixels in 0..1 and labels', async () => {
    const data = await mnist.train({ dir: await folder() });
    expect(data.length).toBe(5);
    const { x, y } = await data.batch([1, 0]);
    expect(x.shape).toEqual([2, 28, 28, 1]);
    expect(x.dtype).toBe('f32');
    expect(x.data[(2 * 7 + 4) * 28 + 4]).toBe(1);
    expect(x.data[0]).toBe(0);
    expect([...y.data]).toEqual([7, 0]);
    expect(y.dtype).toBe('i32');
  });

  it('takes the first samples with limit, and reads the folder in EVENKEEL_MNIST', async () => {
    process.env.EVENKEEL_MNIST = await folder();
    expect((await mnist.test({ limit: 2 })).length).toBe(2);
    await expect(mnist.test({ limit: 0 })).rejects.toThrow('E101 mnist: limit must be a whole number from 1');
  });

  it('reads compressed files', async () => {
    const dir = await folder();
    const path = join(dir, 'train-images-idx3-ubyte');
    await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
    await rm(path);
    expect((await mnist.train({ dir })).length).toBe(5);
    await writeFile(`${path}.gz`, 'no gzip at all');
    await expect(mnist.train({ dir })).rejects.toThrow('this is not a whole gzip file');
  });

  it('names the missing file and the folder', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'evenkeel-'));
    folders.push(dir);
    await expect(mnist.train({ dir })).rejects.toThrow(
      'E501 mnist: the given folder does not have the file train-images-idx3-ubyte.\n' +
      `     looked for train-images-idx3-ubyte and train-images-idx3-ubyte.gz in ${dir}\n` +
      '     Fix: name the folder that holds the four MNIST files, or leave it out to have them found or downloaded');
  });

  it('notices labels in the place of images, and labels of another set', async () => {
    const dir = await folder(5, 3);
    await rename(join(dir, 't10k-labels-idx1-ubyte'), join(dir, 'train-labels-idx1-ubyte'));
    await expect(mnist.train({ dir })).rejects.toThrow('the file does not hold the labels of 5 images.\n     expected [5], got [3]');
    await copyFile(join(dir, 'train-labels-idx1-ubyte'), join(dir, 'train-images-idx3-ubyte'));
    await expect(mnist.train({ dir })).rejects.toThrow('the file does not hold images of 28 x 28 pixels');
  });
});
