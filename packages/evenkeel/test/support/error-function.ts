/** erf in f64: its series near 0, a continued fraction beyond (Abramowitz & Stegun 7.1.5, 7.1.14). */
export function errorFunction(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  return Math.sign(x) * (a < 3 ? series(a) : 1 - fraction(a));
}

function series(a: number): number {
  let sum = a;
  let term = a;
  for (let n = 1; Math.abs(term) > 1e-19 * sum; n++) {
    term *= (-a * a) / n;
    sum += term / (2 * n + 1);
  }
  return (sum * 2) / Math.sqrt(Math.PI);
}

function fraction(a: number): number {
  let below = 0;
  for (let k = 60; k >= 1; k--) below = k / 2 / (a + below);
  return Math.exp(-a * a) / (a + below) / Math.sqrt(Math.PI);
}
