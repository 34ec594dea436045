/** Random training steps: small networks of convolutions, normalizations, pools and products, with their gradients and an update. */
import { sizeOf } from '../../src/base/index.ts';
import { RandomStream } from '../../src/base/random.ts';
import type { Shape } from '../../src/base/index.ts';
import { build as b, grad } from '../../src/graph/index.ts';
import type { Assign, Node } from '../../src/graph/index.ts';
import {
  averagePool, batchNormalize, convolution, crossEntropy, huber, logSoftmax, matmul, maxPool, mean, mse, relu, rmsNormalize, sigmoid, softmax, standardize, tanh, unitNormalize,
} from '../../src/tensor/nodes/index.ts';
import { Sketch } from './check-backends.ts';
import type { Case } from './program-case.ts';

/** The training step of a seed: always the same. Refs are weights, their optimizer states and running means. */
export function randomNetwork(seed: number): Case {
  return new Network(seed).step();
}

class Network {
  private readonly rng: RandomStream;
  private readonly sketch = new Sketch();
  private readonly weights: Node[] = [];
  private readonly assigns: Assign[] = [];
  private readonly draws: Node;

  constructor(seed: number) {
    this.rng = new RandomStream(seed, 'network');
    this.draws = this.sketch.input([], { dtype: 'u32' });
  }

  step(): Case {
    const image = this.chance(0.6);
    let x = this.sketch.input(image ? [this.one(2, 4), this.one(4, 9), this.one(4, 9), this.one(1, 5)] : [this.one(1, 40), this.one(2, 40)]);
    for (let layers = this.one(1, 4); layers > 0; layers--) x = x.shape.length === 4 ? this.spatial(x) : this.flat(x);
    const loss = this.loss(x);
    this.update(loss);
    return this.sketch.finish([loss, x], this.assigns);
  }

  private one(low: number, high: number): number { return low + this.rng.below(high - low + 1); }
  private chance(p: number): boolean { return this.rng.uniform() < p; }
  private pick<T>(list: readonly T[]): T { return list[this.rng.below(list.length)]; }

  private weight(shape: Shape, low = -0.5, high = 0.5): Node {
    const w = this.sketch.ref(shape, { low, high });
    this.weights.push(w);
    return w;
  }

  private spatial(x: Node): Node {
    const [n, h, w, c] = x.shape;
    if (h * w === 1 || this.chance(0.2)) return this.chance(0.5) ? mean(x, [1, 2]) : b.reshape(x, [n, h * w * c]);
    switch (this.rng.below(6)) {
      case 0: case 1: return this.convolved(x);
      case 2: return this.pooled(x);
      case 3: return this.normalized(x);
      case 4: return this.active(x);
      // A branch around a convolution.
      default: {
        const kernel = this.weight([3, 3, c, c]);
        return b.add(x, this.active(convolution('conv', x, kernel, { padding: 1 })));
      }
    }
  }

  private convolved(x: Node): Node {
    const [, h, w, c] = x.shape;
    const groups = this.chance(0.2) ? c : 1;
    const out = groups * this.one(1, groups > 1 ? 2 : 7);
    const size = this.pick([1, 2, 3, 3]);
    const dilation = size > 1 && this.chance(0.2) ? 2 : 1;
    const padding = this.one(0, Math.floor(((size - 1) * dilation) / 2) + 1);
    if (Math.min(h, w) + 2 * padding < (size - 1) * dilation + 1) return x;
    const y = convolution('conv', x, this.weight([size, size, c / groups, out]), { stride: this.one(1, 2), padding, dilation, groups });
    return this.chance(0.5) ? b.add(y, b.broadcastTo(this.weight([out]), y.shape)) : y;
  }

  private pooled(x: Node): Node {
    const [, h, w] = x.shape;
    const window = this.one(1, Math.min(3, h, w));
    const pool = this.chance(0.6) ? maxPool : averagePool;
    return pool('pool', x, { window, stride: this.chance(0.5) ? window : this.one(1, 2), padding: this.chance(0.3) ? Math.floor(window / 2) : 0 });
  }

  private normalized(x: Node): Node {
    const last = x.shape.length - 1;
    const c = x.shape[last];
    const affine = this.chance(0.7) ? { scale: this.weight([c], 0.5, 1.5), shift: this.weight([c]) } : {};
    switch (this.rng.below(5)) {
      case 0: return standardize(x, [last], affine).y;
      case 1: return rmsNormalize(x, [last], { scale: affine.scale });
      case 2: return unitNormalize(x, [last]);
      case 3: return last > 1 ? standardize(x, x.shape.map((_, axis) => axis).slice(1, last), affine).y : x;
      default: {
        const { y, mean: now } = batchNormalize(x, x.shape.map((_, axis) => axis).slice(0, last), affine);
        const running = this.sketch.ref([c]);
        this.assigns.push({ ref: running, value: b.add(b.mul(running, b.fullLike(running, 0.9)), b.mul(now, b.fullLike(now, 0.1))) });
        return y;
      }
    }
  }

  private active(x: Node): Node {
    switch (this.rng.below(6)) {
      case 0: return tanh(x);
      case 1: return b.mul(x, sigmoid(x));
      // The exact GELU.
      case 2: return b.mul(b.mul(x, b.fullLike(x, 0.5)), b.add(b.erf(b.mul(x, b.fullLike(x, Math.SQRT1_2))), b.fullLike(x, 1)));
      case 3: {
        const bits = b.random(this.draws, { seed: 5, site: this.weights.length, shape: x.shape });
        return b.select(b.le(b.fullLike(bits, 1 << 30), bits), b.mul(x, b.fullLike(x, 4 / 3)), b.fullLike(x, 0));
      }
      default: return relu(x);
    }
  }

  private flat(x: Node): Node {
    switch (this.rng.below(4)) {
      case 0: return this.normalized(x);
      case 1: return this.active(x);
      case 2: return this.attention(x);
      default: return this.linear(x, this.one(1, 24));
    }
  }

  private linear(x: Node, features: number): Node {
    const y = matmul(x, this.weight([x.shape[1], features]));
    return b.add(y, b.broadcastTo(this.weight([features]), y.shape));
  }

  /** Every example attends to every other. */
  private attention(x: Node): Node {
    const size = this.one(1, 6);
    const [q, k, v] = [this.linear(x, size), this.linear(x, size), this.linear(x, x.shape[1])];
    return b.add(x, matmul(softmax(matmul(q, b.transpose(k, [1, 0]))), v));
  }

  private loss(x: Node): Node {
    const flat = b.reshape(x, [x.shape[0], sizeOf(x.shape.slice(1))]);
    const [n, features] = flat.shape;
    switch (this.rng.below(4)) {
      case 0: return mse(x, this.sketch.input(x.shape));
      case 1: return huber(x, this.sketch.input(x.shape));
      case 2: return mean(b.neg(b.reduce(logSoftmax(flat), 'max', 'value', [1])));
      default: return crossEntropy(this.linear(flat, 10), this.sketch.input([n], { dtype: 'i32', values: [3, 1, 4, 1, 5, 9, 2, 6, features % 10] }), { smoothing: this.pick([0, 0.1]) });
    }
  }

  /** Momentum or Adam, the gradients clipped by their joint norm now and then. */
  private update(loss: Node): void {
    if (this.weights.length === 0) return;
    let gradients = grad(loss, this.weights);
    if (this.chance(0.3)) {
      const norm = b.sqrt(gradients.map((g) => b.reduce(b.mul(g, g), 'sum', 'value', g.shape.map((_, axis) => axis))).reduce(b.add));
      const scale = b.minimum(b.full(1, []), b.div(b.full(1, []), b.add(norm, b.full(1e-3, []))));
      gradients = gradients.map((g) => b.mul(g, b.broadcastTo(scale, g.shape)));
    }
    const adam = this.chance(0.5);
    this.weights.forEach((w, i) => this.assigns.push(...(adam ? this.adam(w, gradients[i]) : this.momentum(w, gradients[i]))));
  }

  private momentum(w: Node, g: Node): Assign[] {
    const velocity = this.sketch.ref(w.shape);
    const next = b.add(b.mul(velocity, b.fullLike(g, 0.9)), g);
    return [{ ref: velocity, value: next }, { ref: w, value: b.sub(w, b.mul(next, b.fullLike(g, 0.1))) }];
  }

  private adam(w: Node, g: Node): Assign[] {
    const [m, v] = [this.sketch.ref(w.shape), this.sketch.ref(w.shape, { low: 0.1, high: 1 })];
    const mix = (old: Node, now: Node, decay: number): Node => b.add(b.mul(old, b.fullLike(g, decay)), b.mul(now, b.fullLike(g, 1 - decay)));
    const [m1, v1] = [mix(m, g, 0.9), mix(v, b.mul(g, g), 0.99)];
    return [{ ref: m, value: m1 }, { ref: v, value: v1 }, { ref: w, value: b.sub(w, b.mul(b.div(m1, b.add(b.sqrt(v1), b.fullLike(g, 1e-3))), b.fullLike(g, 0.01))) }];
  }
}
