/** Activations that a normalization layer applies in the same kernel. */
import { where } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { faults } from './faults.ts';

const SLOPE = 0.01;

/** Activations by name: leakyRelu has slope 0.01, elu alpha 1, gelu is exact. */
export const activations = {
  identity: (x: Tensor): Tensor => x,
  relu: (x: Tensor): Tensor => x.relu(),
  leakyRelu: (x: Tensor): Tensor => where(x.gt(0), x, x.mul(SLOPE)),
  elu: (x: Tensor): Tensor => where(x.gt(0), x, x.minimum(0).expm1()),
  sigmoid: (x: Tensor): Tensor => x.sigmoid(),
  tanh: (x: Tensor): Tensor => x.tanh(),
  silu: (x: Tensor): Tensor => x.mul(x.sigmoid()),
  gelu: (x: Tensor): Tensor => x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1)),
} as const satisfies Readonly<Record<string, (x: Tensor) => Tensor>>;

/** An activation by name, or a function of single values. */
export type Activation = keyof typeof activations | ((x: Tensor) => Tensor);

/** The function of an activation. @throws E101 for a name that does not exist */
export function activationOf(op: string, activation: Activation = 'identity'): (x: Tensor) => Tensor {
  if (typeof activation === 'function') return activation;
  if (Object.hasOwn(activations, activation)) return activations[activation];
  throw faults.name(op, 'activation', activation, Object.keys(activations));
}
