/** TensorFlow.js as a peer, on its cpu backend or on its WebAssembly backend: node tfjs.ts THREADS cpu|wasm */

import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { serve, wantedThreads, type Rows, type Work } from './protocol.ts';

const BATCH = 128;

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

function batchNorm(): Work {
  const shape = [64, 32, 32, 64];
  const [x, upstream] = [tf.randomUniform(shape), tf.randomUniform(shape)];
  const [scale, shift] = [tf.ones([64]), tf.zeros([64])];
  const gradients = tf.grads((value, a, b) => {
    const { mean, variance } = tf.moments(value, [0, 1, 2]);
    return tf.batchNorm(value, mean as tf.Tensor1D, variance as tf.Tensor1D, b as tf.Tensor1D, a as tf.Tensor1D, 1e-5);
  });
  return { step: () => finish(gradients([x, scale, shift], upstream)) };
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
