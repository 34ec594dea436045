/** A small convolutional network for MNIST. */
import * as nn from '../../nn/index.ts';
import type { ModelOptions } from './model-options.ts';

/** Convolution, ReLU, batch normalization, pooling, and a linear layer to ten logits. */
export function mnistCnn({ norm, seed }: ModelOptions): nn.Sequential {
  const normal = norm === 'batch' ? [nn.batchNorm()] : [];
  return nn.sequential({ input: [28, 28, 1], seed },
    nn.conv2d(32, 3), nn.relu(), ...normal, nn.maxPool2d(2), nn.flatten(), nn.linear(10));
}
