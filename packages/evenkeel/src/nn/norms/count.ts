/** A check of options that several layers share. */
import { faults } from './faults.ts';

/** A whole number from 1. @throws E101 */
export function count(op: string, name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) throw faults.option(op, name, 'must be a whole number from 1', value, `for example ${name}: 32`);
  return value;
}
