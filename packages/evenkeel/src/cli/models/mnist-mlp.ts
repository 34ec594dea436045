/** A fully connected network for MNIST. */
import * as nn from '../../nn/index.ts';
import type { ModelOptions } from './model-options.ts';

/** 784-128-64-10; the shift of a batch normalization takes the place of the bias before it. */
export function mnistMlp({ norm, seed }: ModelOptions): nn.Sequential {
  const hidden = (features: number): nn.Model[] => (norm === 'batch'
    ? [nn.linear(features, { bias: false }), nn.batchNorm(), nn.relu()]
    : [nn.linear(features), nn.relu()]);
  return nn.sequential({ input: [28, 28, 1], seed }, nn.flatten(), ...hidden(128), ...hidden(64), nn.linear(10));
}
