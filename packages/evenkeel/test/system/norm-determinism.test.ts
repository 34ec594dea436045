/** A training step of every kind of normalization: the same bits in every run and for any number of threads, and on all backends to rounding. */
import { afterAll, describe, expect, it } from 'vitest';
import { configure, nn, shutdown } from '../../src/index.ts';
import type { Tensor } from '../../src/index.ts';
import { outcomeOf, sample } from '../support/norm-outcome.ts';
import type { Outcome } from '../support/norm-outcome.ts';

/** Enough for every thread, in extents that neither threads nor vectors divide. */
const SHAPE = [9, 11, 17, 12];
const EPSILON = 2 ** -23;
/**
 * How far each backend may be from the f64 oracle, in units of the last place of the largest value of a result, or of 1. They sum
 * 1,683 values in f32, in blocks: 7 units measured on wasm, 8 in plain JavaScript.
 */
const UNITS = 12;
/** The shares of switchableNorm are single numbers: sums over all values, whose signs cancel and whose roundings add up like steps at random. */
const walked = (name: string): number => (name.endsWith('Weights') ? Math.sqrt(SHAPE.reduce((a, b) => a * b)) : 1);

const layers: Readonly<Record<string, () => nn.Module>> = {
  batchNorm: () => nn.batchNorm(), 'batchNorm with activation': () => nn.batchNorm({ activation: 'silu', axis: 1 }),
  ghostBatchNorm: () => nn.ghostBatchNorm({ virtualBatchSize: 3 }), syncBatchNorm: () => nn.syncBatchNorm(), batchRenorm: () => nn.batchRenorm(),
  l1BatchNorm: () => nn.l1BatchNorm(), inPlaceBatchNorm: () => nn.inPlaceBatchNorm(), decorrelatedBatchNorm: () => nn.decorrelatedBatchNorm({ groupSize: 4 }),
  switchableNorm: () => nn.switchableNorm(), layerNorm: () => nn.layerNorm(), 'layerNorm of samples': () => nn.layerNorm({ axes: [1, 2, 3] }),
  groupNorm: () => nn.groupNorm({ groups: 4 }), instanceNorm: () => nn.instanceNorm({ scale: true, center: true }), rmsNorm: () => nn.rmsNorm(),
  filterResponseNorm: () => nn.filterResponseNorm(), localResponseNorm: () => nn.localResponseNorm({ alpha: 0.5 }), unitNorm: () => nn.unitNorm(),
  evoNormB0: () => nn.evoNormB0(), evoNormS0: () => nn.evoNormS0({ groups: 4 }), globalResponseNorm: () => nn.globalResponseNorm(),
};

async function trained(make: () => nn.Module, backend: 'wasm' | 'plain' | 'oracle', threads: number): Promise<Outcome> {
  await configure({ backend, threads });
  const layer = make() as nn.Model;
  layer.build(SHAPE.slice(1));
  const outcome = await outcomeOf(layer, sample(SHAPE), (x: Tensor) => layer.forward(x));
  await shutdown();
  return outcome;
}

/** The largest distance, in units of the last place of the largest value, or of `least`. */
function unitsApart(a: readonly number[], b: readonly number[], least: number): number {
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), least);
  const unit = 2 ** Math.floor(Math.log2(largest)) * EPSILON;
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]) / unit), 0);
}

afterAll(() => shutdown());

describe.each(Object.entries(layers))('%s', (_, make) => {
  it('gives the same bits again, and on one, two and three threads', async () => {
    const first = await trained(make, 'wasm', 2);
    expect(Object.values(first).flat().every(Number.isFinite)).toBe(true);
    for (const threads of [2, 1, 3]) {
      const again = await trained(make, 'wasm', threads);
      for (const [name, values] of Object.entries(first)) expect(again[name].every((value, i) => Object.is(value, values[i])), `${name} on ${threads} threads`).toBe(true);
    }
  });

  it('gives on wasm and in plain JavaScript what it gives in f64, to rounding', async () => {
    const exact = await trained(make, 'oracle', 1);
    for (const backend of ['wasm', 'plain'] as const) {
      const got = await trained(make, backend, 2);
      expect(Object.keys(got)).toEqual(Object.keys(exact));
      for (const [name, values] of Object.entries(exact)) {
        expect(unitsApart(got[name], values, walked(name)), `${name} on ${backend}`).toBeLessThanOrEqual(UNITS);
      }
    }
  });
});
