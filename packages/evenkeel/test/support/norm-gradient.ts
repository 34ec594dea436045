/** Gradients of layers against finite differences of the f64 reference. */
import type { Node } from '../../src/graph/index.ts';
import type { Module } from '../../src/nn/index.ts';
import { Trace, tracing } from '../../src/runtime/index.ts';
import { Tensor, tensor } from '../../src/tensor/index.ts';
import type { Ref } from '../../src/tensor/index.ts';
import { checkGradient, randomDense } from './check-op.ts';
import type { GradientOptions } from './check-op.ts';

/**
 * Checks the gradients of a training step with respect to x and all parameters of a layer, which has been built. Nothing moves.
 * @param fn what to differentiate; its tensors may read the layer's parameters
 */
export async function checkLayerGradient(layer: Module, shape: readonly number[], fn: (x: Tensor) => Tensor, options: GradientOptions = {}): Promise<void> {
  const params = layer.params();
  const fixed = await Promise.all(layer.buffers().map(async (buffer) => [buffer, tensor(await buffer.read(), buffer.shape)] as const));
  const inputs = [randomDense(shape, -1.5, 2, 5), ...params.map((param, i) => randomDense(param.shape, 0.5, 1.5, 31 + i))];
  const traced = (...nodes: Node[]): Node => tracing(new Trace('train'), () => {
    const stands: (readonly [Ref, Tensor])[] = [...params.map((param, i) => [param, new Tensor(nodes[i + 1])] as const), ...fixed];
    const inside = stands.reduceRight<() => Tensor>((then, [ref, stand]) => () => ref.as(stand, then), () => fn(new Tensor(nodes[0])));
    return inside().node;
  });
  checkGradient(traced, inputs, options);
}
