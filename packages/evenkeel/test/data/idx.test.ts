import { describe, expect, it } from 'vitest';
import { parseIdx } from '../../src/data/index.ts';
import { idxBytes } from '../support/mnist-files.ts';

const images = { what: 'images of 28 x 28 pixels', shape: [undefined, 28, 28] } as const;

describe('parseIdx', () => {
  it('reads shape and bytes', () => {
    const file = parseIdx(idxBytes([2, 3], [1, 2, 3, 4, 5, 255]), 'tiny');
    expect(file.shape).toEqual([2, 3]);
    expect([...file.data]).toEqual([1, 2, 3, 4, 5, 255]);
  });

  it('refuses a web page with the bytes that came', () => {
    expect(() => parseIdx(new TextEncoder().encode('<!doctype html>'), 'train.idx')).toThrow(
      'E502 train.idx: this is not an IDX file of bytes.\n     expected it to start with 00 00 08, got 3c 21 64 6f\n' +
      '     Fix: check that the path names an IDX file (often a web page was saved instead)');
  });

  it('refuses an empty file, a compressed file, another type and a header that is cut short', () => {
    expect(() => parseIdx(new Uint8Array(), 'f')).toThrow('got an empty file');
    expect(() => parseIdx(Uint8Array.of(0x1f, 0x8b, 8, 0), 'f')).toThrow('E502 f: this is not an IDX file of bytes.\n     it is still compressed (gzip)');
    expect(() => parseIdx(Uint8Array.of(0, 0, 0x0d, 1, 0, 0, 0, 0), 'f')).toThrow('expected values of type 08 (u8), got 0d (f32)');
    expect(() => parseIdx(Uint8Array.of(0, 0, 8, 3, 0, 0), 'f')).toThrow('its header of 3 sizes is cut short');
  });

  it('refuses a file that is cut short or too long', () => {
    const bytes = idxBytes([2, 3], [1, 2, 3, 4, 5, 6]);
    expect(() => parseIdx(bytes.subarray(0, -1), 'f')).toThrow(
      'E503 f: the file is cut short.\n     the header says [2, 3]: 12 + 6 bytes\n     the file has 17 bytes\n     Fix: download or copy the file again');
    expect(() => parseIdx(Uint8Array.of(...bytes, 0), 'f')).toThrow('E503 f: the file is longer than its header says');
  });

  it('refuses labels where images were expected', () => {
    expect(() => parseIdx(idxBytes([2], [1, 2]), 'labels', images)).toThrow(
      'E504 labels: the file does not hold images of 28 x 28 pixels.\n     expected [any, 28, 28], got [2]');
  });
});
