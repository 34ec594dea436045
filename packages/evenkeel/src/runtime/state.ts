/** The one place where the process remembers something: what was configured, which device is open, what waits for it. */
import { backends } from '../backends/index.ts';
import type { BackendName, Device, Executable } from '../backends/index.ts';
import { Fault } from '../base/index.ts';
import { Queue } from './queue.ts';
import type { Place } from './variable.ts';

/** What `configure` sets; what is left out stays as it is. */
export interface Configuration {
  /** `wasm`: WebAssembly on all cores. `plain`: simple JavaScript. `oracle`: the f64 reference, node by node. */
  readonly backend?: BackendName | 'oracle';
  /** Threads of the device; default: as many as the machine runs at once. */
  readonly threads?: number;
}

/** What runs when nothing is configured. */
const DEFAULT_BACKEND: BackendName | 'oracle' = 'wasm';

export interface OpenDevice {
  readonly device: Device;
  /** Places of the variables whose values live on the device. */
  readonly residents: Set<Place>;
  /** Plans that are ready to run on it. */
  readonly loaded: Set<Loaded>;
  /** Another one for every device; whoever keeps it does not keep the device. */
  readonly generation: object;
}

/** A loaded plan with its device; both are taken away when the device closes, so that runners that are kept hold no memory of it. */
export interface Loaded {
  on: { readonly device: Device; readonly executable: Executable } | undefined;
}

interface State {
  backend: BackendName | 'oracle';
  threads: number | undefined;
  /** The device as soon as it is asked for, and once it is there. */
  open: Promise<OpenDevice> | undefined;
  opened: OpenDevice | undefined;
  structure: number;
}

const state: State = {
  backend: DEFAULT_BACKEND, threads: undefined, open: undefined, opened: undefined, structure: 0,
};

/** Everything that runs passes through here. */
export const queue = new Queue();

/**
 * Chooses the backend and its threads. What was asked for before still runs as it was; then a device that is open is shut down, and
 * refs keep their values.
 * @throws E101 for a backend that does not exist or a number of threads that is not a whole number from 1
 */
export async function configure(options: Configuration): Promise<void> {
  check(options);
  await queue.add(async () => {
    const { backend = state.backend, threads = state.threads } = options;
    if (backend === state.backend && threads === state.threads) return;
    await close();
    state.backend = backend;
    state.threads = threads;
  });
}

function check({ backend, threads }: Configuration): void {
  if (backend !== undefined && backend !== 'oracle' && !Object.hasOwn(backends, backend)) {
    const names = ['oracle', ...Object.keys(backends)].join(', ');
    throw new Fault({ code: 'E101', op: 'configure', rule: `there is no backend "${String(backend)}"`, hint: `choose one of ${names}` });
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    const rule = 'threads must be a whole number from 1';
    throw new Fault({ code: 'E101', op: 'configure', rule, detail: [`got ${threads}`], hint: 'leave it out to use every core' });
  }
}

/** Name of the backend that is chosen now. */
export function backendName(): BackendName | 'oracle' {
  return state.backend;
}

/** Ends the device's threads and frees its memory. Refs keep their values; the next step opens a device again. */
export function shutdown(): Promise<void> {
  return queue.add(close);
}

async function close(): Promise<void> {
  if (!state.open) return;
  const { device, residents, loaded } = await state.open;
  for (const { variable } of residents) variable.deref()?.withdraw();
  for (const plan of loaded) plan.on = undefined;
  state.open = undefined;
  state.opened = undefined;
  await device.close();
}

/** The device of the chosen backend, opened on first use. Not for the oracle, which has none. */
export async function openDevice(): Promise<OpenDevice> {
  state.open ??= open(state.backend === 'oracle' ? 'wasm' : state.backend, state.threads);
  try {
    state.opened = await state.open;
    return state.opened;
  } catch (error) {
    state.open = undefined;
    throw error;
  }
}

async function open(name: BackendName, threads: number | undefined): Promise<OpenDevice> {
  const backend = await backends[name]();
  return { device: await backend.open({ threads }), residents: new Set(), loaded: new Set(), generation: {} };
}

/** The device if one is open. */
export function currentDevice(): OpenDevice | undefined {
  return state.opened;
}

/** Grows whenever something changes that tracing depends on but shapes do not show (frozen layers): compiled steps trace anew. */
export function bumpStructure(): void {
  state.structure++;
}

export function structureVersion(): number {
  return state.structure;
}
