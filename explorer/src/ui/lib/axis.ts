/** Round numbers for axes. */
export function ticks(low: number, high: number, wanted = 5): number[] {
  if (!(high > low)) return [low];
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw)!;
  const out: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9) || 0; i * step <= high + step * 1e-9; i++) out.push(i * step);
  return out;
}

export function logTicks(low: number, high: number): number[] {
  const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / 5));
  const out: number[] = [];
  for (let e = first; e <= last; e += every) out.push(10 ** e);
  if (out.length > 2) return out;
  const finer = [];
  for (let e = Math.floor(Math.log10(low)); e <= last; e++)
    for (const m of [1, 2, 5]) if (m * 10 ** e >= low * 0.999 && m * 10 ** e <= high * 1.001) finer.push(Number((m * 10 ** e).toPrecision(6)));
  return finer.length ? finer : [low];
}
