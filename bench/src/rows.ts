/** The work that is compared; every peer implements each row under this name, or says why it cannot. */
export interface Row {
  readonly name: string;
  readonly what: string;
}

export const ROWS: readonly Row[] = [
  { name: 'seed-cnn', what: 'training step: conv 3x3x32, ReLU, batch norm, max pool, linear, on 28x28; batch 128, Adam' },
  { name: 'seed-mlp', what: 'training step: 784-128-64-10 with batch norm and ReLU; batch 128, Adam' },
  { name: 'batch-norm', what: 'batch norm while training, forward and backward, [64, 32, 32, 64]' },
  { name: 'matmul-1024', what: 'matrix product, 1024 x 1024 x 1024' },
  { name: 'conv-forward', what: 'convolution 3x3, 64 to 64 channels, padding 1, [32, 32, 32, 64]' },
  { name: 'conv-backward', what: 'the same with both gradients' },
];
