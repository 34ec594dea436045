/** evenkeel itself, in a process like the others. Operands and results stay in refs; only losses are read. */

import { Adam, Buffer, compile, configure, conv2d, crossEntropy, grad, matmul, nn, type Tensor } from '../../../packages/evenkeel/src/index.ts';
import { serve, wantedThreads, type Rows, type Work } from './protocol.ts';

const BATCH = 128, TOKENS = [512, 768], IMAGES = [16, 32, 32, 64];

/** The step of a user's own loop: the batch comes from the host, the loss goes back. */
function trainStep(model: nn.Sequential, shape: readonly number[]): Work {
  const optimizer = new Adam({ rate: 1e-3 });
  const step = compile('train', ({ x, y }) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss, model.params());
    return { loss };
  });
  const batch = {
    x: { data: random(BATCH * 784), shape: [BATCH, ...shape] },
    y: Int32Array.from({ length: BATCH }, (_, i) => i % 10),
  };
  return { step: () => step(batch) };
}

function seedCnn(): Work {
  const model = nn.sequential({ input: [28, 28, 1] },
    nn.conv2d(32, 3), nn.relu(), nn.batchNorm(), nn.maxPool2d(2), nn.flatten(), nn.linear(10));
  return trainStep(model, [28, 28, 1]);
}

function seedMlp(): Work {
  const model = nn.sequential({ input: [784] },
    nn.linear(128), nn.batchNorm(), nn.relu(), nn.linear(64), nn.batchNorm(), nn.relu(), nn.linear(10));
  return trainStep(model, [784]);
}

/** Layers that keep the shape of their input: output and the gradients of input and parameters. */
function training(shape: readonly number[], ...layers: nn.Model[]): Work {
  const model = nn.sequential({ input: shape.slice(1) }, ...layers);
  const x = ref(shape), upstream = ref(shape);
  return keep(() => {
    const y = model.forward(x.value);
    return [y, ...grad(y.mul(upstream.value).sum(), [x, ...model.params()])];
  });
}

function convNormStack(): Work {
  const layers = Array.from({ length: 6 }, () => [nn.conv2d(32, 3, { padding: 1, bias: false }), nn.batchNorm(), nn.relu()]);
  return training([32, 28, 28, 32], ...layers.flat());
}

function matrixProduct(): Work {
  const a = ref([1024, 1024]), b = ref([1024, 1024]);
  return keep(() => [matmul(a.value, b.value)]);
}

function convolution(backward: boolean): Work {
  const shape = [32, 32, 32, 64];
  const x = ref(shape), w = ref([3, 3, 64, 64]), upstream = ref(shape);
  return keep(() => {
    const y = conv2d(x.value, w.value, { padding: 1 });
    return backward ? [y, ...grad(y.mul(upstream.value).sum(), [x, w])] : [y];
  });
}

/** A step whose results are stored in refs, so that all of them are computed and none is copied out. */
function keep(results: () => readonly Tensor[]): Work {
  let kept: readonly Buffer[] | undefined;
  const step = compile('bench', () => {
    const tensors = results();
    kept ??= tensors.map(({ shape }, i) => new Buffer({ shape, name: `result ${i}` }));
    tensors.forEach((tensor, i) => kept![i].assign(tensor));
  });
  return { step: () => step() };
}

function ref(shape: readonly number[]): Buffer {
  return new Buffer({ shape, name: 'operand', data: random(shape.reduce((a, b) => a * b, 1)) });
}

function random(size: number): Float32Array {
  return Float32Array.from({ length: size }, () => Math.random() - 0.5);
}

const rows: Rows = {
  'seed-cnn': seedCnn, 'seed-mlp': seedMlp, 'matmul-1024': matrixProduct,
  'batch-norm': () => training([64, 32, 32, 64], nn.batchNorm()),
  'layer-norm': () => training(TOKENS, nn.layerNorm()), 'rms-norm': () => training(TOKENS, nn.rmsNorm()),
  'group-norm': () => training(IMAGES, nn.groupNorm({ groups: 8 })),
  'instance-norm': () => training(IMAGES, nn.instanceNorm({ scale: true, center: true })), 'conv-norm-stack': convNormStack,
  'conv-forward': () => convolution(false), 'conv-backward': () => convolution(true),
};

const threads = wantedThreads();
await configure({ backend: 'wasm', threads });
await serve('evenkeel wasm', threads, rows);
