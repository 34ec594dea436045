/** Steps resolve without leaving the microtask queue; signals, timers and a page's drawing need more than that. */
const INTERVAL_MS = 100;

/** Lets the event loop turn now and then. */
export class Breath {
  private last = performance.now();

  async take(): Promise<void> {
    if (performance.now() - this.last < INTERVAL_MS) return;
    await new Promise<void>((resolve) => {
      if (typeof setImmediate === 'function') setImmediate(resolve);
      else setTimeout(resolve, 0);
    });
    this.last = performance.now();
  }
}
