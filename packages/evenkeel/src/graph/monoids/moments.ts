import { binary, literal, select } from '../../scalar/index.ts';
import type { Expr } from '../../scalar/index.ts';
import { FLOAT } from '../check.ts';
import type { Monoid, Samples } from '../monoid.ts';

/**
 * Mean and sum of squared deviations (m2; the variance is m2 / n or m2 / (n - 1)) in one pass. The state is
 * (shift, sum of x - shift, sum of (x - shift)^2) with a shift near the values, which keeps the sums small: the shifted data
 * algorithm of Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance". In long walks the mean of what was seen
 * takes the shift's place, so that it does not matter where an outlier stands. NaN mean for no values.
 * `rest` is what the mean leaves out by being an f32: mean + rest is good to twice as many digits, which the merging of means that
 * are large against their differences needs. In f64 it is 0; no gradient flows through it.
 */
export const moments: Monoid = {
  name: 'moments',
  types: FLOAT,
  fields: ['mean', 'm2', 'rest'],
  positional: false,
  fieldType: () => 'f32',
  stateTypes: () => ['f32', 'f32', 'f32'],
  init: (_first, _input, _position, samples) => [median(samples), ZERO, ZERO],
  restart: ([shift]) => [shift, ZERO, ZERO],
  recenter([shift, s1, s2], count) {
    const mean = binary('add', shift, binary('div', s1, binary('max', count, literal(1))));
    const d = binary('sub', mean, shift);
    const left = binary('sub', s1, binary('mul', count, d));
    return [mean, left, binary('sub', s2, binary('mul', d, binary('add', s1, left)))];
  },
  step([shift, s1, s2], x) {
    const d = binary('sub', x, shift);
    return [shift, binary('add', s1, d), binary('add', s2, binary('mul', d, d))];
  },
  merge([shiftA, a1, a2], [shiftB, b1, b2], countA, countB) {
    const shift = select(binary('eq', countA, ZERO), shiftB, shiftA);
    const d = select(binary('eq', countB, ZERO), ZERO, binary('sub', shiftB, shift));
    const nd = binary('mul', countB, d);
    const b2InA = binary('add', b2, binary('mul', d, binary('add', binary('add', b1, b1), nd)));
    return [shift, binary('add', a1, binary('add', b1, nd)), binary('add', a2, b2InA)];
  },
  finish([shift, s1, s2], count, field) {
    const excess: Expr = binary('div', s1, count);
    const mean = binary('add', shift, excess);
    if (field === 'mean') return mean;
    // Exact if the shift is the larger of the two (Dekker 1971), and small beside the mean's own digits if it is not.
    if (field === 'rest') return binary('add', binary('sub', shift, mean), excess);
    return binary('max', ZERO, binary('sub', s2, binary('mul', s1, excess)));
  },
  empty: (field) => (field === 'mean' ? NaN : 0),
  reference(values, field) {
    const mean = values.reduce((total, x) => total + x, 0) / values.length;
    if (field === 'rest') return mean - mean;
    return field === 'mean' ? mean : values.reduce((total, x) => total + (x - mean) ** 2, 0);
  },
  vjp(x, _, axes, field, g, { expand, fullLike, mul, sub, reduce }) {
    if (field === 'rest') return undefined;
    if (field === 'mean') return expand(mul(g, fullLike(g, 1 / axes.reduce((n, axis) => n * x.shape[axis], 1))), x.shape, axes);
    const mean = expand(reduce(x, 'moments', 'mean', axes), x.shape, axes);
    return mul(expand(mul(g, fullLike(g, 2)), x.shape, axes), sub(x, mean));
  },
};

/** No outlier, and exactly their value if they are equal. */
function median([x, y, z]: Samples): Expr {
  return binary('max', binary('min', x, y), binary('min', binary('max', x, y), z));
}

const ZERO = literal(0);
