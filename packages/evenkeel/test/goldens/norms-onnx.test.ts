/** Operators of ONNX as layers of evenkeel, channels first: `axis: 1` where the layer has it, no transposes. */
import { beforeAll, describe, expect, it } from 'vitest';
import { configure, nn, standardize, type Param, type Tensor } from '../../src/index.ts';
import { goldenNorms, valuesOf, type NormGolden } from '../support/golden-norms.ts';
import { followNorm, goldenBackends, type GoldenBackend, type NormSubject, type Tolerance } from '../support/norm-runner.ts';

type Layer = nn.Model & { readonly scale?: Param; readonly shift?: Param };

const FIRST = { dialect: 'onnx', axis: 1 } as const;
const PLAIN = { scale: false, center: false } as const;

/** ONNX's attributes on the left, our options on the right. */
const OPERATORS: Readonly<Record<string, (golden: NormGolden) => NormSubject>> = {
  BatchNormalization: ({ options: { epsilon, momentum: decay } = {}, x }) =>
    subjectOf(nn.batchNorm({ ...FIRST, ...(epsilon !== undefined && { epsilon }), ...(decay !== undefined && { decay }) }), x.shape),
  InstanceNormalization: ({ options: { epsilon } = {}, x }) => subjectOf(nn.instanceNorm({ ...FIRST, epsilon }), x.shape),
  GroupNormalization: (golden) => groupNormalization(golden),
  LayerNormalization: (golden) => layerNormalization(golden),
  RMSNormalization: ({ options: { epsilon, axis } = {}, x }) => trailing(x.shape, axis, (axes) => nn.rmsNorm({ dialect: 'onnx', axes, epsilon })),
  LpNormalization: ({ options: { p: order, axis } = {}, x }) => along(x.shape, axis, (axes) => nn.unitNorm({ axes, order })),
  LRN: ({ options: { size, alpha, beta, bias: offset } = {}, x }) => subjectOf(nn.localResponseNorm({ ...FIRST, size, alpha, beta, offset }), x.shape),
  MeanVarianceNormalization: (golden) => meanVariance(golden),
};

const { cases } = goldenNorms('onnx');

describe.for(goldenBackends)('normalization against ONNX, %s', (backend) => {
  beforeAll(() => configure({ backend }));

  it.for(cases)('$row $name', (golden) => followNorm(golden, OPERATORS[golden.op](golden), toleranceOf(golden, backend)));
});

it('has a case for every operator', () => {
  expect([...new Set(cases.map(({ op }) => op))].sort()).toEqual(Object.keys(OPERATORS).sort());
});

function subjectOf(layer: Layer, shape: readonly number[], forward = (x: Tensor): Tensor => layer.forward(x)): NormSubject {
  layer.build(shape.slice(1));
  const { scale, shift } = layer;
  return { forward, params: { ...(scale && { scale }), ...(shift && { shift }) }, running: Object.fromEntries(layer.namedBuffers()) };
}

/** A scale for each group (opset 18) is one for each of its channels. */
function groupNormalization({ options: { num_groups: groups, epsilon, opset } = {}, state = {}, x }: NormGolden): NormSubject {
  const layer = nn.groupNorm({ ...FIRST, groups, epsilon });
  const subject = subjectOf(layer, x.shape);
  if (opset !== 18) return subject;
  const channels = x.shape[1] / groups;
  for (const name of ['scale', 'shift'] as const) layer[name]!.write([...valuesOf(state[name])].flatMap((value) => new Array<number>(channels).fill(value)));
  return { ...subject, params: {} };
}

/** Its further outputs are Mean and InvStdDev, which the layer keeps to itself. */
function layerNormalization({ options: { epsilon, axis, output } = {}, x: { shape } }: NormGolden): NormSubject {
  if (output === undefined) return trailing(shape, axis, (axes) => nn.layerNorm({ dialect: 'onnx', axes, epsilon }));
  const outputs = (x: Tensor): readonly Tensor[] => {
    const { y, mean, variance } = standardize(x, [...shape.keys()].slice(axis));
    return [y, mean, variance.add(1e-5).pow(-0.5)];
  };
  return { forward: (x) => outputs(x)[output], params: {}, running: {} };
}

/** Normalized from `axis` on. */
function trailing(shape: readonly number[], axis: number = -1, make: (axes: readonly number[]) => Layer): NormSubject {
  return within(shape, [...shape.keys()].slice(axis), make);
}

function along(shape: readonly number[], axis: number = -1, make: (axes: readonly number[]) => Layer): NormSubject {
  return within(shape, [axis], make);
}

/** A layer normalizes within samples: where axis 0 takes part, all of the input is one sample. */
function within(shape: readonly number[], axes: readonly number[], make: (axes: readonly number[]) => Layer): NormSubject {
  if (!axes.includes(0)) return subjectOf(make(axes), shape);
  const layer = make(axes.map((axis) => axis + 1));
  return subjectOf(layer, [1, ...shape], (x) => layer.forward(x.expandDims(0)).squeeze(0));
}

/**
 * Each is a layer without affine part. ONNX adds 1e-9 to the deviation; its square under the root is the same to f32 but for
 * deviations near 1e-9, and leaves a constant channel 0 too.
 */
function meanVariance({ options, x }: NormGolden): NormSubject {
  const axes: readonly number[] = options?.axes ?? [0, 2, 3];
  const plain = { ...PLAIN, epsilon: 1e-18 };
  const layers: Readonly<Record<string, () => Layer>> = {
    '0,2,3': () => nn.batchNorm({ ...plain, axis: 1, evaluation: 'batch', update: false }),
    '1,2,3': () => nn.layerNorm({ ...plain, axes: [1, 2, 3] }),
    '2,3': () => nn.instanceNorm({ ...plain, axis: 1 }),
  };
  return subjectOf(layers[axes.join()](), x.shape);
}

/** f32 rounding by the size of the largest value; the f64 oracle rounds results and state to f32. ONNX itself is f32 in MeanVarianceNormalization. */
function toleranceOf({ op }: NormGolden, backend: GoldenBackend): Tolerance {
  return backend === 'oracle' && op !== 'MeanVarianceNormalization' ? { values: 2e-7, running: 4e-7 } : { values: 4e-6 };
}
