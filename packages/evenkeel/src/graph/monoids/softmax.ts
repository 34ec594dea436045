import { binary, literal, select, unary } from '../../scalar/index.ts';
import type { Expr } from '../../scalar/index.ts';
import { FLOAT } from '../check.ts';
import { shareAmongTies } from '../extremes.ts';
import type { Monoid } from '../monoid.ts';

/**
 * The largest value, log(sum of e^x) and logSum = log(sum of e^(x - max)) in one pass with one exponential per value. softmax(x)
 * is e^((x - max) - logSum), which does not round at the size of x as e^(x - lse) does. The state is
 * (max, sum of e^(x - max)): Milakov & Gimelshein 2018, "Online normalizer calculation for softmax". In the state max is at
 * least the lowest finite value, so that x - max is no NaN where every x is -Infinity; once it is Infinity the sum does not matter.
 * Infinities come out as torch.logsumexp and torch.amax have them; logSum is NaN where max is infinite, as torch.softmax is.
 */
export const softmax: Monoid = {
  name: 'softmax',
  types: FLOAT,
  fields: ['max', 'lse', 'logSum'],
  positional: false,
  fieldType: () => 'f32',
  stateTypes: () => ['f32', 'f32'],
  init: () => [literal(LOWEST), literal(0)],
  restart: ([best]) => [best, literal(0)],
  step([best, sum], x) {
    const d = binary('sub', x, best);
    const e = unary('exp', unary('neg', unary('abs', d)));
    const grown = binary('add', binary('mul', sum, e), literal(1));
    return [binary('max', best, x), select(binary('lt', best, x), grown, binary('add', sum, e))];
  },
  merge([bestA, sumA], [bestB, sumB]) {
    const best = binary('max', bestA, bestB);
    const scaled = (max: Expr, sum: Expr): Expr => binary('mul', sum, unary('exp', binary('sub', max, best)));
    return [best, binary('add', scaled(bestA, sumA), scaled(bestB, sumB))];
  },
  finish([best, sum], _, field) {
    const max = select(binary('eq', sum, literal(0)), literal(-Infinity), best);
    if (field === 'max') return max;
    const logSum = unary('log', sum);
    if (field === 'lse') return select(binary('eq', best, literal(Infinity)), best, binary('add', best, logSum));
    return binary('add', logSum, binary('sub', max, max));
  },
  empty: () => -Infinity,
  reference(values, field) {
    const max = values.reduce((most, x) => Math.max(most, x), -Infinity);
    const logSum = Math.log(values.reduce((sum, x) => sum + Math.exp(x - max), 0));
    return { max, lse: Math.abs(max) === Infinity ? max : max + logSum, logSum }[field]!;
  },
  vjp(x, out, axes, field, g, build) {
    if (field === 'max') return shareAmongTies(x, out, axes, g, build);
    const { mul, exp, sub, expand, reduce } = build;
    const lse = field === 'lse' ? out : reduce(x, 'softmax', 'lse', axes);
    const grown = mul(expand(g, x.shape, axes), exp(sub(x, expand(lse, x.shape, axes))));
    return field === 'lse' ? grown : sub(grown, shareAmongTies(x, reduce(x, 'softmax', 'max', axes), axes, g, build));
  },
};

/** The lowest finite f32. */
const LOWEST = (2 ** -23 - 2) * 2 ** 127;
