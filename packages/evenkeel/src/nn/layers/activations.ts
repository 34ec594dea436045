/** Functions of single values (and softmax), as layers. */
import { where } from '../../tensor/index.ts';
import { Lambda } from './layer.ts';

/** max(x, 0). */
export function relu(): Lambda {
  return new Lambda((x) => x.relu(), 'relu');
}

/** 1 / (1 + exp(-x)). */
export function sigmoid(): Lambda {
  return new Lambda((x) => x.sigmoid(), 'sigmoid');
}

/** Hyperbolic tangent. */
export function tanh(): Lambda {
  return new Lambda((x) => x.tanh(), 'tanh');
}

/** x above 0, slope * x below; slope 0.01 by default (Maas et al. 2013). */
export function leakyRelu(slope = 0.01): Lambda {
  return new Lambda((x) => where(x.gt(0), x, x.mul(slope)), `leakyRelu ${slope}`);
}

/** x above 0, alpha * (exp(x) - 1) below; alpha 1 by default (Clevert et al. 2016). */
export function elu(alpha = 1): Lambda {
  return new Lambda((x) => where(x.gt(0), x, x.minimum(0).expm1().mul(alpha)), `elu ${alpha}`);
}

/** x * P(normal < x), exact (Hendrycks & Gimpel 2016). */
export function gelu(): Lambda {
  return new Lambda((x) => x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1)), 'gelu');
}

/** x * sigmoid(x), also called swish. */
export function silu(): Lambda {
  return new Lambda((x) => x.mul(x.sigmoid()), 'silu');
}

/** exp(x) / sum(exp(x)) along an axis, the last by default. For training leave it out: crossEntropy takes logits. */
export function softmax(axis = -1): Lambda {
  return new Lambda((x) => x.softmax(axis), 'softmax');
}
