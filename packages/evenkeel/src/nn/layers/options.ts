/** Checks of options that several layers share. */
import { faults } from '../faults.ts';

/** A whole number from 1. @throws E101 */
export function count(op: string, name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) throw faults.option(op, name, 'must be a whole number from 1', value, `for example ${name}: 32`);
  return value;
}

/** One extent for both spatial axes, or one for each. @throws E101 */
export function pair(op: string, name: string, value: number | readonly number[]): readonly [number, number] {
  const list = typeof value === 'number' ? [value, value] : value;
  const whole = list.length === 2 && list.every((v) => Number.isInteger(v) && v >= 1);
  if (!whole) throw faults.option(op, name, 'must be one or two whole numbers from 1', value, `for example ${name}: 3 or ${name}: [3, 5]`);
  return [list[0], list[1]];
}
