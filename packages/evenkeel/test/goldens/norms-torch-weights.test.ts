import { beforeAll, describe, it } from 'vitest';
import { configure, nn, tensor } from '../../src/index.ts';
import { goldenNorms, valuesOf, type NormGolden } from '../support/golden-norms.ts';
import { followNorm, goldenBackends, type NormSubject } from '../support/norm-runner.ts';

const SUBJECTS: Readonly<Record<string, (golden: NormGolden) => NormSubject>> = { spectralNorm: spectral, weightNorm: weighted };

const goldens = goldenNorms('torch').cases.filter(({ op }) => op in SUBJECTS);

describe.for(goldenBackends)('normalization of weights against PyTorch, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  // Sums of up to 18 products in f32, and two or three normalizations in a row; the oracle rounds vectors to f32 between steps.
  const tolerance = backend === 'oracle' ? { values: 4e-7, gradients: 1e-6 } : { values: 4e-6, gradients: 1e-5 };

  it.for(goldens)('$row $name', (golden) => followNorm(golden, SUBJECTS[golden.op](golden), tolerance));
});

/** The golden's x is the weight; the rule makes its vectors of it at its first call. */
function spectral({ options: { axis, n_power_iterations: iterations } = {}, x }: NormGolden): NormSubject {
  const rule = new nn.SpectralNorm({ axis, iterations });
  rule.forward(tensor(valuesOf(x), x.shape));
  return { forward: (weight) => rule.forward(weight), params: {}, running: { ...(rule.u && { u: rule.u }), ...(rule.v && { v: rule.v }) } };
}

/** PyTorch's g is our length, its dim None our axis 'all'. PyTorch adds nothing to the squared length. */
function weighted({ options: { axis } = {}, x }: NormGolden): NormSubject {
  const rule = new nn.WeightNorm({ axis: axis ?? 'all' });
  rule.forward(tensor(valuesOf(x), x.shape));
  return { forward: (direction) => rule.forward(direction), params: { g: rule.length }, running: {} };
}
