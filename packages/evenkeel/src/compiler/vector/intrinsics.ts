/** Functions that write an approximation of a mathematical function into a program; lane by lane, for any number of lanes. */
export { exp, expm1, sigmoid, tanh } from './exponential.ts';
export { erf } from './error-function.ts';
export { intDiv, intMod, type IntegerKind } from './integer-division.ts';
export { log, log1p } from './logarithm.ts';
export { pow } from './power.ts';
export { mod } from './remainder.ts';
export { cos, sin } from './trigonometry.ts';
