/** Means over batches of unequal size. */
export class Means {
  samples = 0;
  private readonly sums = new Map<string, number>();

  /** Adds a batch's own means. */
  add(values: Readonly<Record<string, number>>, samples: number): void {
    this.samples += samples;
    for (const [name, value] of Object.entries(values)) this.sums.set(name, (this.sums.get(name) ?? 0) + value * samples);
  }

  /** The means over all samples so far. */
  values(): Record<string, number> {
    return Object.fromEntries([...this.sums].map(([name, sum]) => [name, sum / this.samples]));
  }
}
