import { strToU8, zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { crc32, storedChecksums } from '../../src/interop/checksums.ts';

test('the check value of CRC-32', () => {
  expect(crc32(strToU8('123456789'))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array())).toBe(0);
});

test('the directory of an archive, with a comment behind it', () => {
  const files = { 'a.txt': strToU8('one'), 'b/c.txt': strToU8('two'.repeat(100)) };
  const expected = new Map(Object.entries(files).map(([name, bytes]) => [name, crc32(bytes)]));
  expect(storedChecksums(zipSync(files))).toEqual(expected);
  expect(storedChecksums(Uint8Array.of(...zipSync(files), 1, 2, 3))).toEqual(expected);
  expect(storedChecksums(new Uint8Array(5))).toEqual(new Map());
});
