/** The backends by name. Each is loaded when it is chosen, so that a page never carries one it does not use. */
import type { Backend } from './backend.ts';

export type { Backend, Device, DeviceOptions, Executable, NamedTensor } from './backend.ts';

/** Loads a backend's code. */
export const backends: Readonly<Record<'wasm' | 'plain', () => Promise<Backend>>> = {
  wasm: async () => (await import('./wasm/device.ts')).wasm,
  plain: async () => (await import('./plain/index.ts')).plain,
};

export type BackendName = keyof typeof backends;
