/** Every layer that normalizes each sample by itself (and its relatives that also look at the batch), with inputs that fit. */
import * as nn from '../../src/nn/index.ts';
import type { Shape } from '../../src/base/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';

export interface NormCase {
  readonly name: string;
  readonly make: () => nn.Module;
  /** Shapes of what forward takes. */
  readonly inputs: readonly Shape[];
  /** Takes the batch into account: not held to what only per-sample layers can do. */
  readonly batch?: true;
}

const image: Shape = [3, 2, 3, 4];

export const normCases: readonly NormCase[] = [
  { name: 'layerNorm', make: () => nn.layerNorm(), inputs: [[3, 2, 5]] },
  { name: 'layerNorm, axes 1 and 3', make: () => nn.layerNorm({ axes: [1, 3] }), inputs: [image] },
  { name: 'layerNorm of all, without affine', make: () => nn.layerNorm({ axes: [1, 2, 3], scale: false, center: false }), inputs: [image] },
  { name: 'rmsNorm', make: () => nn.rmsNorm(), inputs: [[3, 2, 5]] },
  { name: 'rmsNorm, axes 1 and 2', make: () => nn.rmsNorm({ axes: [1, 2] }), inputs: [image] },
  { name: 'groupNorm', make: () => nn.groupNorm({ groups: 2 }), inputs: [image] },
  { name: 'groupNorm, channels first', make: () => nn.groupNorm({ groups: 2, axis: 1 }), inputs: [[3, 4, 2, 3]] },
  { name: 'groupNorm, rank 2', make: () => nn.groupNorm({ groupSize: 3 }), inputs: [[3, 6]] },
  { name: 'groupNorm, rank 5, with silu', make: () => nn.groupNorm({ groups: 1, activation: 'silu' }), inputs: [[2, 2, 1, 2, 3]] },
  { name: 'instanceNorm', make: () => nn.instanceNorm(), inputs: [image] },
  { name: 'instanceNorm, flax, axis 1', make: () => nn.instanceNorm({ dialect: 'flax', axis: 1 }), inputs: [[3, 2, 5]] },
  { name: 'localResponseNorm', make: () => nn.localResponseNorm({ size: 3, alpha: 1.5 }), inputs: [image] },
  { name: 'localResponseNorm, even, axis 1', make: () => nn.localResponseNorm({ size: 4, alpha: 1.5, axis: 1, dialect: 'onnx' }), inputs: [[2, 5, 3]] },
  { name: 'localResponseNorm in space', make: () => nn.localResponseNorm({ size: 3, alpha: 1.5, over: 'space' }), inputs: [[2, 4, 3, 2]] },
  { name: 'unitNorm', make: () => nn.unitNorm(), inputs: [[3, 2, 4]] },
  { name: 'unitNorm, order 1, axes 1 and 2', make: () => nn.unitNorm({ order: 1, axes: [1, 2] }), inputs: [[3, 2, 4]] },
  { name: 'pixelNorm', make: () => nn.pixelNorm(), inputs: [image] },
  { name: 'filterResponseNorm', make: () => nn.filterResponseNorm(), inputs: [image] },
  { name: 'filterResponseNorm of one position', make: () => nn.filterResponseNorm({ learnEpsilon: true, epsilon: 0.1 }), inputs: [[3, 1, 4]] },
  { name: 'thresholdedLinearUnit', make: () => nn.thresholdedLinearUnit({ axis: 1 }), inputs: [[3, 4, 2]] },
  { name: 'evoNormS0', make: () => nn.evoNormS0({ groups: 2 }), inputs: [image] },
  { name: 'globalResponseNorm', make: () => nn.globalResponseNorm(), inputs: [image] },
  { name: 'adaptiveInstanceNorm', make: () => nn.adaptiveInstanceNorm(), inputs: [image, [3, 4, 2, 4]] },
  { name: 'adaptiveInstanceNorm by a vector', make: () => nn.adaptiveInstanceNorm({ style: 'vector' }), inputs: [image, [3, 2]] },
  { name: 'spade', make: () => nn.spade({ hidden: 2 }), inputs: [[2, 2, 3, 2], [2, 4, 3, 2]] },
  { name: 'dynamicTanh', make: () => nn.dynamicTanh(), inputs: [[3, 2, 4]] },
  { name: 'queryKeyNorm', make: () => nn.queryKeyNorm(), inputs: [[3, 2, 4], [3, 3, 4]] },
  { name: 'queryKeyNorm, layer', make: () => nn.queryKeyNorm({ norm: 'layer' }), inputs: [[3, 2, 4], [3, 3, 4]] },
  { name: 'queryKeyNorm, unit', make: () => nn.queryKeyNorm({ norm: 'unit' }), inputs: [[3, 2, 4], [3, 3, 4]] },
  { name: 'instanceNorm with running statistics', make: () => nn.instanceNorm({ running: true, scale: true, center: true }), inputs: [image], batch: true },
  { name: 'evoNormB0', make: () => nn.evoNormB0(), inputs: [image], batch: true },
  { name: 'switchableNorm', make: () => nn.switchableNorm(), inputs: [image], batch: true },
  { name: 'switchableNorm, rank 2', make: () => nn.switchableNorm(), inputs: [[4, 3]], batch: true },
];

/** One tensor of what the layer gives: of queries and keys, their logits. */
export function callNorm(layer: nn.Module, inputs: readonly Tensor[]): Tensor {
  const forward = Reflect.get(layer, 'forward') as (...xs: readonly Tensor[]) => Tensor | nn.QueryAndKey;
  const y = forward(...inputs);
  return 'query' in y ? y.query.matmul(y.key.transpose([0, 2, 1])) : y;
}
