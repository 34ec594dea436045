/** How each peer is started; the one called evenkeel is the one the others are compared with. */

import { fileURLToPath } from 'node:url';

export const OURS = 'evenkeel';

export interface Peer {
  readonly name: string;
  readonly command: (threads: number) => readonly string[];
}

export const PEERS: readonly Peer[] = [
  { name: OURS, command: (threads) => [process.execPath, file('evenkeel.ts'), String(threads)] },
  { name: 'torch', command: (threads) => [process.env.EVENKEEL_PYTHON ?? 'python3', file('pytorch.py'), String(threads)] },
  { name: 'jax-js', command: () => [process.execPath, file('jax.ts'), '1'] },
  { name: 'jax-js-workers', command: (threads) => [process.execPath, file('jax.ts'), String(threads)] },
  { name: 'tfjs-wasm', command: () => [process.execPath, file('tfjs.ts'), '1', 'wasm'] },
  { name: 'tfjs-cpu', command: () => [process.execPath, file('tfjs.ts'), '1', 'cpu'] },
];

function file(name: string): string {
  return fileURLToPath(new URL(`./peers/${name}`, import.meta.url));
}
