import { beforeAll, describe, it } from 'vitest';
import { configure, nn, type Param, type Tensor } from '../../src/index.ts';
import { goldenNorms, type NormGolden } from '../support/golden-norms.ts';
import { followNorm, goldenBackends, type NormSubject } from '../support/norm-runner.ts';

type Layer = nn.Model & { readonly scale?: Param; readonly shift?: Param };

/** PyTorch's options on the left, ours on the right. */
const LAYERS: Readonly<Record<string, (golden: NormGolden) => Layer>> = {
  instanceNorm: ({ options: { eps, affine, track_running_stats: track } = {} }) =>
    nn.instanceNorm({ ...(eps !== undefined && { epsilon: eps }), ...parts(affine ?? false), ...(track ? { running: true as const } : {}) }),
  groupNorm: ({ options: { num_groups: groups, eps, affine, axis } = {} }) =>
    nn.groupNorm({ groups, ...(axis !== undefined && { axis }), ...(eps !== undefined && { epsilon: eps }), ...parts(affine ?? true) }),
  layerNorm: ({ options: { normalized_shape: shape, eps, elementwise_affine: affine, bias } = {} }) =>
    nn.layerNorm({ axes: trailing(shape), ...(eps !== undefined && { epsilon: eps }), scale: affine ?? true, center: (affine ?? true) && (bias ?? true) }),
  rmsNorm: ({ options: { normalized_shape: shape, eps, elementwise_affine: affine } = {}, name }) =>
    nn.rmsNorm({ axes: trailing(shape), ...(!name.includes('default') && { epsilon: eps }), scale: affine ?? true }),
  localResponseNorm: ({ options: { size, alpha, beta, k: offset } = {} }) => nn.localResponseNorm({ size, alpha, beta, offset }),
};

const goldens = goldenNorms('torch').cases.filter(({ op }) => op in LAYERS);

describe.for(goldenBackends)('normalization within a sample against PyTorch, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  // f32 rounding of sums of up to a hundred values; the oracle computes in f64 and rounds results and state to f32.
  const tolerance = backend === 'oracle' ? { values: 2e-7, running: 4e-7 } : { values: 4e-6, gradients: 1e-5 };

  it.for(goldens)('$row $name', (golden) => followNorm(golden, subjectOf(golden), tolerance));
});

function subjectOf(golden: NormGolden): NormSubject {
  const layer = LAYERS[golden.op](golden);
  layer.build(golden.x.shape.slice(1));
  const { scale, shift } = layer;
  const buffers = Object.fromEntries(layer.namedBuffers());
  return { forward: (x: Tensor) => layer.forward(x), params: { ...(scale && { scale }), ...(shift && { shift }) }, running: buffers };
}

function parts(affine: boolean): { readonly scale: boolean; readonly center: boolean } {
  return { scale: affine, center: affine };
}

function trailing(shape: readonly number[]): number[] {
  return shape.map((_, i) => i - shape.length);
}
