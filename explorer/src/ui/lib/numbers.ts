/** A number as a reader wants it: four significant digits, no exponent where it can be avoided. */
export function brief(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 1e6 || size < 1e-4
      ? value.toExponential(Math.max(0, digits - 2))
      : Number(value.toPrecision(digits)).toString();
  return text.replace("-", "−");
}

/** As short as a small cell needs: two digits, no more than six characters of a usual number. */
export function cell(value: number): string {
  const size = Math.abs(value);
  if (value === 0 || !Number.isFinite(value) || size >= 1e4) return brief(value, 2);
  if (size < 0.0005) return "≈0";
  const text = size < 0.01 ? value.toFixed(3) : String(Number(value.toPrecision(2)));
  return text.replace("-", "−");
}

/** Always with the same number of decimals, for columns. */
export const fixed = (value: number, decimals = 3): string =>
  Number.isFinite(value) ? value.toFixed(decimals).replace("-", "−") : brief(value);

/** 0 % and 100 % are said of nothing else: what only rounds to them is above or below the last step. */
export function percent(share: number, decimals = 1): string {
  if (!Number.isFinite(share)) return "–";
  const step = 10 ** -decimals;
  const text = (share * 100).toFixed(decimals);
  if (share > 0 && Number(text) === 0) return `<${step.toFixed(decimals)} %`;
  if (share < 1 && Number(text) === 100) return `>${(100 - step).toFixed(decimals)} %`;
  return `${text} %`;
}

const LARGE = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** 61706 -> "61.7 k": counts of parameters and operations. */
export function count(value: number): string {
  for (const [unit, name] of LARGE)
    if (value >= unit * 10 || (unit > 1e3 && value >= unit)) return `${Number((value / unit).toPrecision(3))} ${name}`;
  return Math.round(value).toLocaleString("en").replaceAll(",", "\u202f");
}

export const shapeText = (shape: readonly (number | null)[]): string =>
  shape.length ? shape.map((size) => size ?? "None").join(" × ") : "scalar";
