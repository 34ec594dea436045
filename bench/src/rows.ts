/** The work that is compared; every peer implements each row under this name, or says why it cannot. */
export interface Row {
  readonly name: string;
  readonly what: string;
}

export const ROWS: readonly Row[] = [
  { name: 'seed-cnn', what: 'training step: conv 3x3x32, ReLU, batch norm, max pool, linear, on 28x28; batch 128, Adam' },
  { name: 'seed-mlp', what: 'training step: 784-128-64-10 with batch norm and ReLU; batch 128, Adam' },
  { name: 'batch-norm', what: 'batch norm while training, forward and backward, [64, 32, 32, 64]' },
  { name: 'layer-norm', what: 'layer norm while training, forward and backward, [512, 768]' },
  { name: 'rms-norm', what: 'RMS norm while training, forward and backward, [512, 768]' },
  { name: 'group-norm', what: 'group norm of 8 groups while training, forward and backward, [16, 32, 32, 64]' },
  { name: 'instance-norm', what: 'instance norm with scale and shift while training, forward and backward, [16, 32, 32, 64]' },
  { name: 'conv-norm-stack', what: '6 times conv 3x3 without bias, batch norm and ReLU, forward and backward, [32, 28, 28, 32]' },
  { name: 'matmul-1024', what: 'matrix product, 1024 x 1024 x 1024' },
  { name: 'conv-forward', what: 'convolution 3x3, 64 to 64 channels, padding 1, [32, 32, 32, 64]' },
  { name: 'conv-backward', what: 'the same with both gradients' },
];
