/** Every op there is, by name. A new one is a file here and a line. */
import { neg } from './neg.ts';
import { abs } from './abs.ts';
import { sign } from './sign.ts';
import { exp } from './exp.ts';
import { expm1 } from './expm1.ts';
import { log } from './log.ts';
import { log1p } from './log1p.ts';
import { sqrt } from './sqrt.ts';
import { sin } from './sin.ts';
import { cos } from './cos.ts';
import { tanh } from './tanh.ts';
import { sigmoid } from './sigmoid.ts';
import { erf } from './erf.ts';
import { floor } from './floor.ts';
import { ceil } from './ceil.ts';
import { round } from './round.ts';
import { not } from './not.ts';
import { relu } from './relu.ts';
import { add } from './add.ts';
import { sub } from './sub.ts';
import { mul } from './mul.ts';
import { div } from './div.ts';
import { mod } from './mod.ts';
import { pow } from './pow.ts';
import { minimum } from './minimum.ts';
import { maximum } from './maximum.ts';
import { lt } from './lt.ts';
import { le } from './le.ts';
import { eq } from './eq.ts';
import { and } from './and.ts';
import { or } from './or.ts';
import { xor } from './xor.ts';
import { shl } from './shl.ts';
import { shr } from './shr.ts';
import { select } from './select.ts';
import { cast } from './cast.ts';
import { reshape } from './reshape.ts';
import { transpose } from './transpose.ts';
import { broadcast } from './broadcast.ts';
import { slice } from './slice.ts';
import { pad } from './pad.ts';
import { concat } from './concat.ts';
import { flip } from './flip.ts';
import { skew } from './skew.ts';
import { unskew } from './unskew.ts';
import { gather } from './gather.ts';
import { input } from './input.ts';
import { constant } from './constant.ts';
import { full } from './full.ts';
import { iota } from './iota.ts';
import { ref } from './ref.ts';
import { random } from './random.ts';
import { reduce } from './reduce.ts';
import { dot } from './dot.ts';
import { stopGradient } from './stop-gradient.ts';
import { custom } from './custom.ts';

export type { CustomAttrs } from './custom.ts';
export type { DotAttrs } from './dot.ts';
export type { PadAttrs } from './pad.ts';
export type { RandomAttrs } from './random.ts';
export type { ReduceAttrs } from './reduce.ts';
export type { RefSlot } from './ref.ts';
export type { SliceAttrs } from './slice.ts';

/** Every op by name. */
export const ops = {
  neg, abs, sign, exp, expm1, log, log1p, sqrt, sin, cos, tanh, sigmoid, erf, floor, ceil, round, not, relu,
  add, sub, mul, div, mod, pow, minimum, maximum, lt, le, eq, and, or, xor, shl, shr, select, cast,
  reshape, transpose, broadcast, slice, pad, concat, flip, skew, unskew,
  gather,
  input, constant, full, iota, ref, random,
  reduce, dot,
  stopGradient, custom,
};
