import { beforeAll, describe, it } from 'vitest';
import { configure, nn } from '../../src/index.ts';
import { goldenNorms, type NormGolden } from '../support/golden-norms.ts';
import { followNorm, goldenBackends, type NormSubject } from '../support/norm-runner.ts';

const { cases } = goldenNorms('dialects');

describe.for(goldenBackends)('averages of statistics as other frameworks take them, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  // Ten averages of f32 state; Caffe's sums with a fraction of 0.999 are kept here as an average, whose first rate is 1.
  const tolerance = backend === 'oracle' ? { values: 1e-6, gradients: 1e-6 } : { values: 4e-6, gradients: 4e-6 };

  it.for(cases)('$row $name', (golden) => followNorm(golden, subjectOf(golden), tolerance));
});

function subjectOf({ options: { dialect } = {}, x }: NormGolden): NormSubject {
  const layer = nn.batchNorm({ dialect });
  layer.build(x.shape.slice(1));
  const { scale, shift, runningMean, runningVariance } = layer;
  return { forward: (input) => layer.forward(input), params: { scale: scale!, shift: shift! }, running: { runningMean, runningVariance } };
}
