/** Work on the device happens one piece after another, in the order in which it was asked for. */

export class Queue {
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  /** True while nothing runs or waits. */
  get idle(): boolean {
    return this.waiting === 0;
  }

  /** Runs `job` after everything asked for before it, whether that succeeded or not. */
  add<T>(job: () => T | Promise<T>): Promise<T> {
    this.waiting++;
    const done = this.last.then(job).finally(() => { this.waiting--; });
    this.last = done.catch(() => undefined);
    return done;
  }
}
