/** TensorFlow.js as a peer, on its cpu backend or on its WebAssembly backend: node tfjs.ts THREADS cpu|wasm */

import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { serve, wantedThreads, type Rows, type Work } from './protocol.ts';

const BATCH = 128, EPSILON = 1e-5;
const TOKENS = [512, 768], IMAGES = [16, 32, 32, 64];

/** The step of a user: a Layers model, softmax cross-entropy, Adam, the loss read. */
function trainStep(model: tf.Sequential, x: tf.Tensor): Work {
  const y = tf.oneHot(tf.tidy(() => tf.range(0, BATCH).mod(10).cast('int32')), 10);
  const optimizer = tf.train.adam(1e-3);
  return {
    step: async () => {
      const loss = optimizer.minimize(
        () => tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true }) as tf.Tensor) as tf.Scalar, true)!;
      const value = await loss.data();
      loss.dispose();
      return value[0];
    },
  };
}

function seedCnn(): Work {
  const { layers } = tf;
  const model = tf.sequential({ layers: [
    layers.conv2d({ inputShape: [28, 28, 1], filters: 32, kernelSize: 3 }), layers.reLU(),
    layers.batchNormalization({ momentum: 0.9, epsilon: 1e-5 }), layers.maxPooling2d({ poolSize: 2 }),
    layers.flatten(), layers.dense({ units: 10 }),
  ] });
  return trainStep(model, tf.randomUniform([BATCH, 28, 28, 1]));
}

function seedMlp(): Work {
  const { layers } = tf;
  const norm = () => layers.batchNormalization({ momentum: 0.9, epsilon: 1e-5 });
  const model = tf.sequential({ layers: [
    layers.dense({ inputShape: [784], units: 128 }), norm(), layers.reLU(),
    layers.dense({ units: 64 }), norm(), layers.reLU(), layers.dense({ units: 10 }),
  ] });
  return trainStep(model, tf.randomUniform([BATCH, 784]));
}

/** What keeps the shape of x: the gradients of x and the others. */
function training(shape: number[], others: tf.Tensor[], forward: (x: tf.Tensor, ...others: tf.Tensor[]) => tf.Tensor): Work {
  const [x, upstream] = [tf.randomUniform(shape), tf.randomUniform(shape)];
  const gradients = tf.grads(forward as (...values: tf.Tensor[]) => tf.Tensor);
  return { step: () => finish(gradients([x, ...others], upstream)) };
}

function batchNormalize(x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return tf.batchNorm(x, mean as tf.Tensor1D, variance as tf.Tensor1D, shift as tf.Tensor1D, scale as tf.Tensor1D, EPSILON);
}

function batchNorm(): Work {
  return training([64, 32, 32, 64], [tf.ones([64]), tf.zeros([64])], batchNormalize);
}

/** Over `axes` of x in the shape `grouped`; the affine part broadcasts to it. */
function norm(shape: number[], grouped: number[], affine: number[], axes: number[]): Work {
  return training(shape, [tf.ones(affine), tf.zeros(affine)], (x, scale, shift) => {
    const wide = x.reshape(grouped);
    const { mean, variance } = tf.moments(wide, axes, true);
    return wide.sub(mean).mul(variance.add(EPSILON).rsqrt()).mul(scale).add(shift).reshape(shape);
  });
}

function rmsNorm(): Work {
  return training(TOKENS, [tf.ones([768])], (x, scale) => x.mul(x.square().mean(1, true).add(EPSILON).rsqrt()).mul(scale));
}

function convNormStack(): Work {
  const weights = Array.from({ length: 6 }, () => [tf.randomUniform([3, 3, 32, 32], -0.05, 0.05), tf.ones([32]), tf.zeros([32])]).flat();
  return training([32, 28, 28, 32], weights, (x, ...w) => {
    for (let i = 0; i < w.length; i += 3) {
      x = batchNormalize(tf.conv2d(x as tf.Tensor4D, w[i] as tf.Tensor4D, 1, 'same'), w[i + 1], w[i + 2]).relu();
    }
    return x;
  });
}

function matmul(): Work {
  const [a, b] = [tf.randomUniform([1024, 1024]), tf.randomUniform([1024, 1024])];
  return { step: () => finish([tf.matMul(a, b)]) };
}

function conv(backward: boolean): Work {
  const shape: [number, number, number, number] = [32, 32, 32, 64];
  const [x, w] = [tf.randomUniform(shape), tf.randomUniform([3, 3, 64, 64])];
  const upstream = tf.randomUniform(shape);
  const forward = (value: tf.Tensor, kernel: tf.Tensor) => tf.conv2d(value as tf.Tensor4D, kernel as tf.Tensor4D, 1, 'same');
  const gradients = tf.grads(forward);
  return { step: () => finish(backward ? gradients([x, w], upstream) : [forward(x, w)]) };
}

/** Both backends compute when called; nothing needs to be read, only freed. */
function finish(tensors: tf.Tensor[]): void {
  tf.dispose(tensors);
}

const rows: Rows = {
  'seed-cnn': seedCnn, 'seed-mlp': seedMlp, 'batch-norm': batchNorm, 'matmul-1024': matmul,
  'layer-norm': () => norm(TOKENS, TOKENS, [768], [1]), 'rms-norm': rmsNorm,
  'group-norm': () => norm(IMAGES, [16, 1024, 8, 8], [8, 8], [1, 3]),
  'instance-norm': () => norm(IMAGES, [16, 1024, 64], [64], [1]), 'conv-norm-stack': convNormStack,
  'conv-forward': () => conv(false), 'conv-backward': () => conv(true),
};

const backend = process.argv[3] ?? 'cpu';
if (backend === 'wasm') {
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(`${dirname(entry)}/`);
}
await tf.setBackend(backend);
await tf.ready();
// The threaded build of the WebAssembly backend is for browsers only: its flag is false in Node.
await serve(`TensorFlow.js ${tf.version_core} ${backend}`, Math.min(1, wantedThreads()), rows);
