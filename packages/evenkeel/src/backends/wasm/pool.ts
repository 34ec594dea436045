/**
 * The threads of a device. A small plan runs on the calling thread, because waking others would cost more than it takes. Starting
 * another is one write and one notify in shared memory; the host's event loop stays free while the threads work. After a trap the
 * pool is torn down, because the other threads may wait at a barrier for ever; it starts anew with the next run.
 */
import { InternalError } from '../../base/index.ts';
import { link } from './compile-module.ts';
import { COMMAND, CONTROL } from './thread-source.ts';
import type { ThreadMessage, ThreadReport } from './thread-source.ts';
import { startThread } from './thread.ts';
import type { Thread } from './thread.ts';

/** Runs loaded modules on all threads at once; each exports `entry(thread, threads)`. */
export interface Pool {
  readonly threads: number;
  /** Lets the threads start, so that they are there when the first module is. Nothing waits for it, and a failure shows in `run`. */
  prepare(): void;
  /** Makes a plan's modules ready, linked in this order; the number names it in `run`. A small one runs on the calling thread. */
  load(modules: readonly WebAssembly.Module[], entry: string, small: boolean): number;
  unload(id: number): void;
  /** @throws InternalError if the module traps */
  run(id: number): Promise<void>;
  close(): Promise<void>;
}

interface Loaded { readonly id: number; readonly modules: readonly WebAssembly.Module[]; readonly entry: string }

/** A promise with its ends outside. */
interface Waiter { readonly resolve: () => void; readonly reject: (error: unknown) => void }

export class ThreadPool implements Pool {
  readonly threads: number;
  private readonly memory: WebAssembly.Memory;
  private readonly words: Int32Array<ArrayBufferLike>;
  private readonly loaded = new Map<number, Loaded>();
  /** Runs small plans. */
  private readonly inline: InlinePool;
  private readonly small = new Map<number, number>();
  /** What the threads do not know yet. */
  private fresh: Loaded[] = [];
  private stale: number[] = [];
  private workers: Thread[] = [];
  private started: Promise<void> | undefined;
  private waiter: Waiter | undefined;
  private reports = 0;
  private next = 0;

  /** @param memory shared; its first 1024 bytes belong to the pool */
  constructor(memory: WebAssembly.Memory, threads: number) {
    this.memory = memory;
    this.threads = threads;
    this.words = new Int32Array(memory.buffer, 0, 256);
    this.inline = new InlinePool(memory);
  }

  prepare(): void {
    this.start().catch(() => undefined);
  }

  load(modules: readonly WebAssembly.Module[], entry: string, small: boolean): number {
    const loaded = { id: this.next++, modules, entry };
    if (small) {
      this.small.set(loaded.id, this.inline.load(modules, entry));
      return loaded.id;
    }
    this.loaded.set(loaded.id, loaded);
    this.fresh.push(loaded);
    return loaded.id;
  }

  unload(id: number): void {
    const small = this.small.get(id);
    if (small !== undefined) this.inline.unload(small);
    this.small.delete(id);
    if (!this.loaded.delete(id)) return;
    this.fresh = this.fresh.filter((l) => l.id !== id);
    this.stale.push(id);
  }

  async run(id: number): Promise<void> {
    const small = this.small.get(id);
    if (small !== undefined) return this.alone(small);
    if (!this.loaded.has(id)) throw new InternalError(`plan ${id} is not loaded`);
    await this.start();
    if (this.fresh.length > 0) await this.tell();
    await this.held(() => this.command(id));
  }

  async close(): Promise<void> {
    const { workers } = this;
    this.forget();
    this.waiter?.reject(new InternalError('the thread pool was closed during a run'));
    await Promise.all(workers.map((w) => w.terminate()));
  }

  /** With one thread announced, barriers let the caller pass. */
  private async alone(id: number): Promise<void> {
    this.words[CONTROL.barrier + 2] = 1;
    try {
      await this.inline.run(id);
    } finally {
      this.words[CONTROL.barrier + 2] = this.threads;
    }
  }

  /** Once, until the threads are gone. */
  private start(): Promise<void> {
    this.started ??= this.startThreads().catch((error: unknown) => {
      this.forget();
      throw error;
    });
    return this.started;
  }

  private forget(): void {
    this.workers = [];
    this.started = undefined;
  }

  private async startThreads(): Promise<void> {
    this.words.fill(0);
    this.words[CONTROL.barrier + 2] = this.threads;
    const announce = !('waitAsync' in Atomics);
    this.workers = Array.from({ length: this.threads }, () => startThread({
      report: (report) => this.heard(report),
      failure: (error) => this.fail(`a thread ended: ${String(error)}`),
    }));
    this.fresh = [...this.loaded.values()];
    this.stale = [];
    await this.send((thread) => ({ memory: this.memory, thread, threads: this.threads, announce }));
  }

  /** Calls the threads to their event loops and hands them what is new. */
  private tell(): Promise<void> {
    const sent = this.send(() => undefined);
    this.signal(COMMAND.listen);
    return sent;
  }

  private send(startOf: (thread: number) => ThreadMessage['start']): Promise<void> {
    const { fresh: load, stale: unload } = this;
    this.fresh = [];
    this.stale = [];
    return this.held(() => new Promise((resolve, reject) => {
      this.reports = this.threads;
      this.waiter = { resolve, reject };
      this.workers.forEach((worker, thread) => worker.post({ start: startOf(thread), load, unload }));
    }));
  }

  private command(id: number): Promise<void> {
    const { words } = this;
    Atomics.store(words, CONTROL.plan, id);
    Atomics.store(words, CONTROL.remaining, this.threads);
    const before = Atomics.load(words, CONTROL.done);
    return new Promise((resolve, reject) => {
      this.reports = 1;
      this.waiter = { resolve, reject };
      this.signal(COMMAND.run);
      if (!('waitAsync' in Atomics)) return;
      const waited = Atomics.waitAsync(words, CONTROL.done, before);
      if (waited.async) void waited.value.then(() => resolve());
      else resolve();
    });
  }

  private signal(command: number): void {
    Atomics.store(this.words, CONTROL.command, command);
    Atomics.add(this.words, CONTROL.go, 1);
    Atomics.notify(this.words, CONTROL.go);
  }

  private heard(report: ThreadReport): void {
    if (report.kind === 'trap') this.fail(`a kernel trapped: ${report.message}`);
    else if (--this.reports === 0) this.waiter?.resolve();
  }

  /** Ends all threads: some may be at a barrier that the others will never reach. */
  private fail(message: string): void {
    const { workers, waiter } = this;
    this.forget();
    this.waiter = undefined;
    const error = new InternalError(message);
    void Promise.all(workers.map((w) => w.terminate())).then(() => waiter?.reject(error), () => waiter?.reject(error));
  }

  /** Keeps the process alive while a promise is pending; idle threads do not. */
  private async held(work: () => Promise<void>): Promise<void> {
    const { workers } = this;
    for (const worker of workers) worker.hold(true);
    try {
      await work();
    } finally {
      for (const worker of workers) worker.hold(false);
      this.waiter = undefined;
    }
  }
}

/** No threads: a run happens inside the call. */
export class InlinePool implements Pool {
  readonly threads = 1;
  private readonly memory: WebAssembly.Memory;
  private readonly entries = new Map<number, (thread: number, threads: number) => void>();
  private next = 0;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
  }

  prepare(): void {}

  load(modules: readonly WebAssembly.Module[], entry: string): number {
    this.entries.set(this.next, link(modules, this.memory)[entry] as (thread: number, threads: number) => void);
    return this.next++;
  }

  unload(id: number): void {
    this.entries.delete(id);
  }

  async run(id: number): Promise<void> {
    const entry = this.entries.get(id);
    if (!entry) throw new InternalError(`plan ${id} is not loaded`);
    try {
      entry(0, 1);
    } catch (error) {
      throw new InternalError(`a kernel trapped: ${String(error)}`);
    }
  }

  async close(): Promise<void> {
    this.entries.clear();
  }
}
