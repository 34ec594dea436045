/** Reads V8's machine code: whether it ever fills half of a stack slot and then reads the whole. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** As compileModule compiles, on one thread, with the code printed. */
const FLAGS = ['--no-liftoff', '--no-wasm-lazy-compilation', '--experimental-wasm-revectorize', '--single-threaded', '--print-wasm-code'];

const COMPILE = `
const { readFileSync, writeSync } = require('node:fs');
process.argv.slice(1).forEach((file, i) => {
  writeSync(1, '\\nMODULE ' + i + '\\n');
  new WebAssembly.Module(readFileSync(file));
});`;

/** Numbers of the modules with code that reads 256 bits from a slot of which it has written 128. */
export function modulesWithHalfSlots(modules: readonly Uint8Array[]): number[] {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'));
  try {
    const files = modules.map((bytes, i) => {
      const file = join(folder, `${i}.wasm`);
      writeFileSync(file, bytes);
      return file;
    });
    const code = execFileSync(process.execPath, [...FLAGS, '--eval', COMPILE, ...files], { encoding: 'utf8', maxBuffer: 1 << 30 });
    return code.split('\nMODULE ').slice(1).flatMap((text, i) => (text.split('--- WebAssembly code ---').some(halfSlot) ? [i] : []));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function halfSlot(code: string): boolean {
  const halves = new Set<string>();
  const wholes = new Set<string>();
  for (const line of code.split('\n')) {
    const slot = /\[rbp-(0x[0-9a-f]+)\]/.exec(line)?.[1];
    if (slot === undefined) continue;
    const write = /\s\S+ \[rbp-/.test(line);
    if (write && line.includes('xmm') && !/ss \[/.test(line)) halves.add(slot);
    if (!write && line.includes('ymm')) wholes.add(slot);
  }
  return [...halves].some((slot) => wholes.has(slot));
}
