/** A number as text that tells -0, NaN and the infinities apart, which JSON does not. */
export function formatNumber(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
