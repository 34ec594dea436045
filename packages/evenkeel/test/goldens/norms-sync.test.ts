import { beforeAll, describe, it } from 'vitest';
import { concat, configure, nn, tensor, type Tensor } from '../../src/index.ts';
import { goldenNorms, type NormGolden } from '../support/golden-norms.ts';
import { followNorm, goldenBackends, type NormSubject } from '../support/norm-runner.ts';

const goldens = goldenNorms('torch').cases.filter(({ op }) => op === 'syncBatchNorm');

describe.for(goldenBackends)('shards that are synchronized against PyTorch on all samples, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  // As batch normalization; merging shards costs a rounding more.
  const tolerance = backend === 'oracle' ? { values: 4e-7 } : { values: 4e-6, gradients: 1e-5 };

  it.for(goldens)('$row $name', (golden) => followNorm(golden, subjectOf(golden), tolerance));
});

/** The batch as [workers, samples, ...]: what fills up small shards is far off, and masked. */
function subjectOf({ options: { shards } = {}, x }: NormGolden): NormSubject {
  const sizes = shards as unknown as readonly number[];
  const most = Math.max(...sizes);
  const starts = sizes.map((_, worker) => sizes.slice(0, worker).reduce((sum, size) => sum + size, 0));
  const layer = nn.syncBatchNorm();
  layer.build([most, ...x.shape.slice(1)]);
  const rest = x.shape.slice(1);
  const none = rest.map(() => 0);
  const mask = tensor(sizes.flatMap((size) => Array.from({ length: most }, (_, i) => (i < size ? 1 : 0))), [sizes.length, most, ...rest.map(() => 1)]);
  const divide = (all: Tensor): Tensor => concat(sizes.map((size, worker) =>
    all.slice([starts[worker], ...none], [starts[worker] + size, ...rest]).pad([[0, most - size], ...rest.map(() => [0, 0] as const)], 1000).expandDims(0)), 0);
  const join = (parts: Tensor): Tensor => concat(sizes.map((size, worker) =>
    parts.slice([worker, 0, ...none], [worker + 1, size, ...rest]).reshape([size, ...rest])), 0);
  const { scale, shift, runningMean, runningVariance } = layer;
  return {
    forward: (all) => join(layer.forward(divide(all), { mask })), params: { scale: scale!, shift: shift! }, running: { runningMean, runningVariance },
  };
}
