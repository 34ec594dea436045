/** Values in error texts. */

/** Characters of a value in words; models and tensors would fill pages. */
const LONGEST = 80;

/** A value that a user passed, as an error text shows it: `NaN`, `"relu"`, `[1, 2]`, a class by its name. */
export function showValue(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? JSON.stringify(value) : String(value);
  const name: string = value.constructor?.name ?? 'Object';
  if (!Array.isArray(value) && name !== 'Object') return `a ${name}`;
  try {
    const text = JSON.stringify(value);
    return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)} ...`;
  } catch {
    // It contains itself.
    return Array.isArray(value) ? 'an array' : 'an object';
  }
}
