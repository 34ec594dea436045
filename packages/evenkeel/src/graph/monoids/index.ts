/** Every reduction there is, by name. A new one is a file here and a line. */
import { argmax } from './argmax.ts';
import { max } from './max.ts';
import { min } from './min.ts';
import { moments } from './moments.ts';
import { prod } from './prod.ts';
import { softmax } from './softmax.ts';
import { sum } from './sum.ts';

export const monoids = { sum, max, min, prod, argmax, moments, softmax };
