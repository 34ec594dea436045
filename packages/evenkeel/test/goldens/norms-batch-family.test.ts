import { beforeAll, describe, it } from 'vitest';
import { configure, nn } from '../../src/index.ts';
import { goldenNorms, type NormGolden } from '../support/golden-norms.ts';
import { followNorm, goldenBackends, type NormSubject } from '../support/norm-runner.ts';
import { overShards } from '../support/shards.ts';

const keras = goldenNorms('keras').cases.filter(({ op }) => op === 'ghostBatchNorm' || op === 'batchRenorm');
const torch = goldenNorms('torch').cases.filter(({ op }) => op === 'syncBatchNorm');

describe.for(goldenBackends)('relatives of batch normalization against Keras and PyTorch, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  // f32 rounding of sums of up to a hundred values; the oracle rounds state and results to f32 between steps.
  const tolerance = backend === 'oracle' ? { values: 1e-6 } : { values: 4e-6, gradients: 1e-5 };

  it.for(keras)('$row $name', (golden) => followNorm(golden, golden.op === 'batchRenorm' ? renorm(golden) : ghost(golden), tolerance));

  it.for(torch)('$row $name', (golden) => followNorm(golden, sync(golden), tolerance));
});

function sync({ x, options: { shards } = {} }: NormGolden): NormSubject {
  const layer = nn.syncBatchNorm();
  const known = subject([0, ...x.shape], layer);
  return { ...known, forward: (t) => overShards(t, shards!, (parts, mask) => layer.forward(parts, { mask })) };
}

function ghost({ x, options: { virtual_batch_size: size, interleaved, sequential, momentum } = {} }: NormGolden): NormSubject {
  return subject(x.shape, nn.ghostBatchNorm({
    dialect: 'keras', decay: momentum, virtualBatchSize: size!,
    order: interleaved ? 'interleaved' : 'contiguous', running: sequential ? 'sequential' : 'mean',
  }));
}

function renorm({ x, options: { momentum, renorm_momentum: renormDecay, renorm_clipping: { rmin, rmax, dmax } = {} as never, scale, center } = {} }: NormGolden): NormSubject {
  const layer = nn.batchRenorm({ dialect: 'keras', decay: momentum, renormDecay, scale, center, limits: { rMin: rmin, rMax: rmax, dMax: dmax } });
  const known = subject(x.shape, layer);
  const { renormMean, renormDeviation, runningDeviation } = layer;
  return { ...known, running: { ...known.running, renormMean, renormDeviation, runningDeviation } };
}

function subject(shape: readonly number[], layer: nn.Normalization): NormSubject {
  layer.build(shape.slice(1));
  const { scale, shift, runningMean, runningVariance } = layer;
  return { forward: (x) => layer.forward(x), params: { ...(scale && { scale }), ...(shift && { shift }) }, running: { runningMean, runningVariance } };
}
