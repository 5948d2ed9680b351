// Special functions in doubles.
//
// Abramowitz and Stegun, Handbook of Mathematical Functions: 6.1.40 (log gamma), 6.3.18
// (digamma), 23.2 (zeta), 7.1.5 and 7.1.14 (error function).

const SQRT_PI = Math.sqrt(Math.PI);
const BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510];
const SHIFT = 10; // arguments are moved up to this before an asymptotic series

/** By its power series near 0, else by the continued fraction of erfc. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size !== size) return x;
  if (size > 6) return Math.sign(x);
  if (size < 2.5) {
    let term = x;
    let total = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) {
      term *= (-x * x) / n;
      total += term / (2 * n + 1);
    }
    return (2 / SQRT_PI) * total;
  }
  return Math.sign(x) * (1 - erfc(size));
}

/** For x >= 2: exp(-x*x)/sqrt(pi) / (x + (1/2)/(x + 1/(x + (3/2)/(x + ...)))). */
function erfc(x: number): number {
  let tail = x;
  for (let k = 40; k > 0; k--) tail = x + k / 2 / tail;
  return Math.exp(-x * x) / (SQRT_PI * tail);
}

/** A rough start (Winitzki), then Newton's method with Halley's correction. */
export function erfinv(y: number): number {
  const size = Math.abs(y);
  if (!(size <= 1)) return NaN;
  if (size === 1) return y * Infinity;
  if (size === 0) return y;
  const a = 0.147;
  const log = Math.log((1 - size) * (1 + size));
  const half = 2 / (Math.PI * a) + log / 2;
  let x = Math.sqrt(Math.sqrt(half * half - log / a) - half);
  for (let i = 0; i < 4; i++) {
    const error = x > 2 ? 1 - size - erfc(x) : erf(x) - size;
    const step = error / ((2 / SQRT_PI) * Math.exp(-x * x));
    x -= step / (1 + x * step);
  }
  return Math.sign(y) * x;
}

export function lgamma(x: number): number {
  if (x <= 0 && x === Math.floor(x)) return Infinity;
  if (x < 0.5) return Math.log(Math.PI) - Math.log(Math.abs(Math.sin(Math.PI * (x - Math.floor(x))))) - lgamma(1 - x);
  if (!Number.isFinite(x)) return x;
  let product = 1;
  while (x < SHIFT) product *= x++;
  let series = 0;
  for (let k = BERNOULLI.length; k > 0; k--) series = series / (x * x) + BERNOULLI[k - 1] / (2 * k * (2 * k - 1));
  return (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + series / x - Math.log(product);
}

export function digamma(x: number): number {
  if (x <= 0 && x === Math.floor(x)) return NaN;
  if (x < 0.5) return digamma(1 - x) - Math.PI / Math.tan(Math.PI * (x - Math.floor(x)));
  let total = 0;
  while (x < SHIFT) total += 1 / x++;
  let series = 0;
  for (let k = BERNOULLI.length; k > 0; k--) series = (series + BERNOULLI[k - 1] / (2 * k)) / (x * x);
  return Math.log(x) - 0.5 / x - series - total;
}

/** For x <= 0 of orders 1 and 2 only, as in Python. */
export function polygamma(x: number, order: number): number {
  const sign = order % 2 === 0 ? -1 : 1;
  const scale = sign * factorial(order);
  if (x >= 0.5 || (order > 2 && x > 0)) return scale * zeta(order + 1, x);
  if (order > 2) return NaN;
  const angle = Math.PI * (x - Math.floor(x));
  const value = scale * zeta(order + 1, 1 - x);
  if (order === 1) return (Math.PI / Math.sin(angle)) ** 2 - value;
  return value - (2 * Math.PI ** 3 * Math.cos(angle)) / Math.sin(angle) ** 3;
}

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}

/** Hurwitz's zeta function for x > 0, by the Euler-Maclaurin formula. */
function zeta(s: number, x: number): number {
  let total = 0;
  for (let k = 0; k < SHIFT; k++) total += (x + k) ** -s;
  const up = x + SHIFT;
  total += up ** (1 - s) / (s - 1) + 0.5 * up ** -s;
  let factor = s;
  let power = up ** (-s - 1);
  BERNOULLI.forEach((b, i) => {
    const k = i + 1;
    total += ((b / factorial(2 * k)) * factor) * power;
    factor *= (s + 2 * k - 1) * (s + 2 * k);
    power /= up * up;
  });
  return total;
}
