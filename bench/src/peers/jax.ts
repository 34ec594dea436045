/** jax-js on its WebAssembly device as a peer; steps are written by hand over its NumPy and jitted whole.
 *  Its layouts are channels first: images [N, C, H, W], convolution weights [O, C, KH, KW]. */

import { serve, wantedThreads, type Rows, type Work } from './protocol.ts';
import { pretendBrowser } from './web-worker.ts';

const threads = wantedThreads();
// jax-js uses threads only where a Worker is global, which Node does not have.
if (threads > 1) pretendBrowser(threads);
const { blockUntilReady, defaultDevice, init, jit, lax, nn, numpy: np, random, valueAndGrad, vjp } = await import('@jax-js/jax');
type Tensor = InstanceType<typeof np.Array>;

const BATCH = 128, EPSILON = 1e-5;
const TOKENS = [512, 768], IMAGES = [16, 64, 32, 32];
let seed = 0;
const rand = (...shape: number[]) => random.uniform(random.key(seed++), shape);

/** (x - mean) / deviation over `axes`, times scale plus shift, both shaped to broadcast; also the moments. */
function normalize(x: Tensor, scale: Tensor, shift: Tensor, axes: number[]): { y: Tensor; mean: Tensor; variance: Tensor } {
  const mean = np.mean(x.ref, axes, { keepdims: true });
  const centered = x.sub(mean.ref);
  const variance = np.mean(np.square(centered.ref), axes, { keepdims: true });
  const factor = scale.div(np.sqrt(variance.ref.add(EPSILON)));
  return { y: centered.mul(factor).add(shift), mean: lax.stopGradient(mean), variance: lax.stopGradient(variance) };
}

/** A loss over weights and a batch; also returns the moments that the running statistics follow. */
type Model = (weights: Tensor[], x: Tensor) => [logits: Tensor, moments: Tensor[]];

function trainStep(model: Model, initial: Tensor[], statistics: Tensor[], x: Tensor): Work {
  const lossOf = (weights: Tensor[], images: Tensor, labels: Tensor): [Tensor, Tensor[]] => {
    const [logits, moments] = model(weights, images);
    return [np.sum(nn.logSoftmax(logits).mul(nn.oneHot(labels, 10))).mul(-1 / BATCH), moments];
  };
  const step = jit((w: Tensor[], m: Tensor[], v: Tensor[], running: Tensor[], t: Tensor, images: Tensor, labels: Tensor) => {
    const [[loss, moments], g] = valueAndGrad(lossOf, { hasAux: true })(w.map((p) => p.ref), images, labels) as [[Tensor, Tensor[]], Tensor[]];
    const next = running.map((old, i) => old.mul(0.9).add(moments[i].mul(0.1)));
    return [loss, ...adam(w, g, m, v, t), next] as [Tensor, Tensor[], Tensor[], Tensor[], Tensor, Tensor[]];
  });
  let w = initial, running = statistics, t = np.array(0);
  let m = w.map((p) => np.zeros(p.shape)), v = w.map((p) => np.zeros(p.shape));
  const y = np.array(Array.from({ length: BATCH }, (_, i) => i % 10), { dtype: np.int32 });
  return {
    step: async () => {
      let loss: Tensor;
      [loss, w, m, v, t, running] = step(w, m, v, running, t, x.ref, y.ref);
      const value = await loss.data();
      await blockUntilReady(w);
      return value[0];
    },
    note: threadNote(),
  };
}

function adam(w: Tensor[], g: Tensor[], m: Tensor[], v: Tensor[], t: Tensor): [Tensor[], Tensor[], Tensor[], Tensor] {
  const next = t.add(1);
  const first = np.subtract(1, np.power(0.9, next.ref)), second = np.subtract(1, np.power(0.999, next.ref));
  const out: [Tensor[], Tensor[], Tensor[], Tensor] = [[], [], [], next];
  w.forEach((p, i) => {
    const mi = m[i].mul(0.9).add(g[i].ref.mul(0.1));
    const vi = v[i].mul(0.999).add(np.square(g[i]).mul(0.001));
    const update = mi.ref.div(first.ref).div(np.sqrt(vi.ref.div(second.ref)).add(1e-8));
    out[0].push(p.sub(update.mul(1e-3)));
    out[1].push(mi);
    out[2].push(vi);
  });
  first.dispose();
  second.dispose();
  return out;
}

function seedCnn(): Work {
  const model: Model = ([kernel, bias, scale, shift, linear, last], x) => {
    const active = nn.relu(lax.conv(x, kernel, [1, 1], 'VALID').add(bias));
    const { y, mean, variance } = normalize(active, scale, shift, [0, 2, 3]);
    const pooled = np.max(y.reshape([BATCH, 32, 13, 2, 13, 2]), [3, 5]);
    return [np.matmul(pooled.reshape([BATCH, 5408]), linear).add(last), [mean, variance]];
  };
  const channel = () => np.zeros([1, 32, 1, 1]);
  const weights = [rand(32, 1, 3, 3), channel(), np.ones([1, 32, 1, 1]), channel(), rand(5408, 10).mul(0.01), np.zeros([10])];
  return trainStep(model, weights, [channel(), np.ones([1, 32, 1, 1])], rand(BATCH, 1, 28, 28));
}

function seedMlp(): Work {
  const model: Model = ([w0, b0, s0, h0, w1, b1, s1, h1, w2, b2], x) => {
    const a = normalize(np.matmul(x, w0).add(b0), s0, h0, [0]);
    const b = normalize(np.matmul(nn.relu(a.y), w1).add(b1), s1, h1, [0]);
    return [np.matmul(nn.relu(b.y), w2).add(b2), [a.mean, a.variance, b.mean, b.variance]];
  };
  const layer = (from: number, to: number) => [rand(from, to).sub(0.5).mul(0.1), np.zeros([1, to])];
  const norm = (size: number) => [np.ones([1, size]), np.zeros([1, size])];
  const weights = [...layer(784, 128), ...norm(128), ...layer(128, 64), ...norm(64), ...layer(64, 10)];
  return trainStep(model, weights, [...norm(128).reverse(), ...norm(64).reverse()], rand(BATCH, 784));
}

/** What keeps the shape of x: output and the gradients of x and the others. */
function training(shape: number[], others: Tensor[], forward: (x: Tensor, ...others: Tensor[]) => Tensor): Work {
  const [x, upstream] = [rand(...shape), rand(...shape)];
  const step = jit((g: Tensor, ...values: Tensor[]) => {
    const [y, back] = vjp(forward, values as [Tensor, ...Tensor[]]);
    return [y, ...back(g) as Tensor[]];
  });
  return { step: () => finish(step(upstream.ref, x.ref, ...others.map((other) => other.ref))), note: threadNote() };
}

function norm(shape: number[], affine: number[], axes: number[]): Work {
  return training(shape, [np.ones(affine), np.zeros(affine)], (x, scale, shift) => normalize(x, scale, shift, axes).y);
}

function rmsNorm(): Work {
  return training(TOKENS, [np.ones([1, 768])], (x, scale) => {
    const power = np.mean(np.square(x.ref), [1], { keepdims: true });
    return x.div(np.sqrt(power.add(EPSILON))).mul(scale);
  });
}

function groupNorm(): Work {
  const grouped = [16, 8, 8, 32, 32], affine = [1, 8, 8, 1, 1];
  return training(IMAGES, [np.ones(affine), np.zeros(affine)],
    (x, scale, shift) => normalize(x.reshape(grouped), scale, shift, [2, 3, 4]).y.reshape(IMAGES));
}

function convNormStack(): Work {
  const channel = [1, 32, 1, 1];
  const weights = Array.from({ length: 6 }, () => [rand(32, 32, 3, 3).sub(0.5).mul(0.1), np.ones(channel), np.zeros(channel)]).flat();
  return training([32, 32, 28, 28], weights, (x, ...w) => {
    for (let i = 0; i < w.length; i += 3) x = nn.relu(normalize(lax.conv(x, w[i], [1, 1], 'SAME'), w[i + 1], w[i + 2], [0, 2, 3]).y);
    return x;
  });
}

function matmul(): Work {
  const [a, b] = [rand(1024, 1024), rand(1024, 1024)];
  const step = jit((p: Tensor, q: Tensor) => [np.matmul(p, q)]);
  return { step: () => finish(step(a.ref, b.ref)), note: threadNote() };
}

function conv(backward: boolean): Work {
  const [x, w, upstream] = [rand(32, 64, 32, 32), rand(64, 64, 3, 3), rand(32, 64, 32, 32)];
  const forward = (p: Tensor, q: Tensor) => lax.conv(p, q, [1, 1], 'SAME');
  const both = (p: Tensor, q: Tensor, g: Tensor) => {
    const [y, back] = vjp(forward, [p, q]);
    return [y, ...back(g) as Tensor[]];
  };
  const one = jit((p: Tensor, q: Tensor) => [forward(p, q)]), all = jit(both);
  return {
    step: () => finish(backward ? all(x.ref, w.ref, upstream.ref) : one(x.ref, w.ref)),
    note: threadNote(),
  };
}

async function finish(tensors: Tensor[]): Promise<void> {
  await blockUntilReady(tensors);
  for (const tensor of tensors) tensor.dispose();
}

function threadNote(): string | undefined {
  return threads > 1 ? `${threads} workers` : undefined;
}

const rows: Rows = {
  'seed-cnn': seedCnn, 'seed-mlp': seedMlp, 'matmul-1024': matmul,
  'batch-norm': () => norm([64, 64, 32, 32], [1, 64, 1, 1], [0, 2, 3]),
  'layer-norm': () => norm(TOKENS, [1, 768], [1]), 'rms-norm': rmsNorm, 'group-norm': groupNorm,
  'instance-norm': () => norm(IMAGES, [1, 64, 1, 1], [2, 3]), 'conv-norm-stack': convNormStack,
  'conv-forward': () => conv(false), 'conv-backward': () => conv(true),
};

await init('wasm');
defaultDevice('wasm');
await serve('jax-js wasm', threads, rows);
