/** Statistics on the host do not depend on how values fall into shards, nor on the order in which these merge. */
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../src/base/index.ts';
import { ChannelStatistics } from '../../src/tensor/index.ts';

const OFFSETS = [0, 1, 100, 1e4];
const SEEDS = Array.from({ length: 60 }, (_, seed) => seed);
const TOLERANCE = 1e-12;

/** Rows of some set of values, their number and the scale of their channels different for each seed. */
function rowsOf(random: RandomStream, offset: number, channels: number): number[][] {
  return Array.from({ length: 1 + random.below(400) }, () => Array.from({ length: channels }, (_, c) => offset + (c + 1) * random.normal()));
}

function shuffled<T>(items: readonly T[], random: RandomStream): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

/** Cuts anywhere: one shard at least is empty, one holds one row, one may hold all the others. */
function shardsOf(rows: readonly number[][], channels: number, random: RandomStream): ChannelStatistics[] {
  const cuts = [0, 0, 1, ...Array.from({ length: random.below(12) }, () => random.below(rows.length + 1)), rows.length].sort((a, b) => a - b);
  return cuts.slice(1).map((stop, i) => of(rows.slice(cuts[i], stop), channels));
}

function of(rows: readonly number[][], channels: number): ChannelStatistics {
  return ChannelStatistics.of(Float64Array.from(rows.flat()), [rows.length, channels]);
}

/** Two at a time, whichever they are, until one is left. */
function mergedAnyhow(shards: readonly ChannelStatistics[], random: RandomStream): ChannelStatistics {
  const left = [...shards];
  while (left.length > 1) {
    const [a] = left.splice(random.below(left.length), 1);
    const [b] = left.splice(random.below(left.length), 1);
    left.push(a.merge(b));
  }
  return left[0];
}

/** How far two are apart: the mean against its size or the deviation, the squares against themselves. */
function apart(a: ChannelStatistics, b: ChannelStatistics): number {
  const deviation = b.variance().map(Math.sqrt);
  const means = [...a.mean].map((mean, c) => Math.abs(mean - b.mean[c]) / Math.max(Math.abs(b.mean[c]), deviation[c]));
  const squares = [...a.m2].map((m2, c) => Math.abs(m2 - b.m2[c]) / Math.max(b.m2[c], Number.MIN_VALUE));
  return Math.max(...means, ...squares);
}

describe.each(OFFSETS)('values around %d', (offset) => {
  it('have the same statistics to 1e-12 for every division into shards and every order of merging', () => {
    for (const seed of SEEDS) {
      const random = new RandomStream(seed, `shards around ${offset}`);
      const channels = 1 + random.below(4);
      const rows = rowsOf(random, offset, channels);
      const whole = of(rows, channels);
      for (let division = 0; division < 4; division++) {
        const shards = shardsOf(shuffled(rows, random), channels, random);
        for (const merged of [mergedAnyhow(shards, random), ChannelStatistics.merge(shards), ChannelStatistics.merge(shards.toReversed())]) {
          expect(merged.count).toBe(rows.length);
          expect(apart(merged, whole), `seed ${seed}, division ${division}`).toBeLessThanOrEqual(TOLERANCE);
        }
      }
    }
  });
});
