import { beforeAll, describe, it } from 'vitest';
import { configure, nn, tensor, type Param, type Tensor } from '../../src/index.ts';
import { goldenNorms, valuesOf, type NormGolden } from '../support/golden-norms.ts';
import { followNorm, goldenBackends, type NormSubject } from '../support/norm-runner.ts';

type Layer = nn.Model & { readonly scale?: Param; readonly shift?: Param };

/** Keras's options on the left, ours on the right; the rest is its defaults. */
const LAYERS: Readonly<Record<string, (golden: NormGolden) => Layer>> = {
  layerNorm: ({ options: { axis: axes, ...rest } = {} }) => nn.layerNorm({ dialect: 'keras', ...rest, ...(axes !== undefined && { axes }) }),
  groupNorm: ({ options: { groups, ...rest } = {}, x }) =>
    nn.groupNorm({ dialect: 'keras', ...rest, ...(groups !== undefined && { groups: groups === -1 ? x.shape.at(-1) : groups }) }),
  rmsNorm: ({ options: { axis: axes, ...rest } = {} }) => nn.rmsNorm({ dialect: 'keras', ...rest, ...(axes !== undefined && { axes }) }),
  unitNorm: ({ options: { axis: axes } = {} }) => nn.unitNorm({ axes }),
};

const { cases } = goldenNorms('keras');

describe.for(goldenBackends)('normalization within a sample against Keras, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  // f32 rounding of sums of up to a hundred values; the oracle computes in f64 and rounds results to f32.
  const tolerance = backend === 'oracle' ? { values: 2e-7 } : { values: 4e-6, gradients: 1e-5 };

  it.for(cases.filter(({ op }) => op in LAYERS))('$row $name', (golden) => followNorm(golden, subjectOf(golden), tolerance));

  const instances = cases.filter(({ op, options }) => op === 'groupNorm' && options?.groups === -1);
  it.for(instances)('$row $name, as instanceNorm', (golden) => followNorm(golden, subjectOf(golden, nn.instanceNorm({ epsilon: 1e-3, scale: true, center: true })), tolerance));

  // Keras goes from u to v and back, PyTorch and evenkeel from v to u: after 60 iterations the two have met. Keras overwrites the
  // kernel by the value compared here; evenkeel keeps it, and lets gradients flow through sigma.
  it.for(cases.filter(({ op }) => op === 'spectralNorm'))('$row $name', async (golden) => {
    const rule = new nn.SpectralNorm({ iterations: 60 });
    rule.forward(tensor(valuesOf(golden.x), golden.x.shape));
    const trained = { ...golden, state: undefined, steps: golden.steps.filter(({ mode }) => mode !== 'eval').map(({ output }) => ({ output })) };
    await followNorm(trained, { forward: (weight) => rule.forward(weight), params: {}, running: {} }, { values: 4e-6 });
  });
});

function subjectOf(golden: NormGolden, layer: Layer = LAYERS[golden.op](golden)): NormSubject {
  layer.build(golden.x.shape.slice(1));
  const { scale, shift } = layer;
  return { forward: (x: Tensor) => layer.forward(x), params: { ...(scale && { scale }), ...(shift && { shift }) }, running: {} };
}
