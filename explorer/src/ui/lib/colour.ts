/** One signed scale for the whole page: blue is negative, orange positive, the paper's colour zero.
 * Blue and orange stay apart for every common kind of colour blindness, and lightness grows away
 * from zero, so that the scale also reads in grey. */

type Rgb = readonly [number, number, number];

const STOPS: Record<"light" | "dark", readonly Rgb[]> = {
  light: [[13, 59, 116], [45, 114, 184], [146, 190, 228], [250, 250, 248], [250, 191, 128], [215, 105, 20], [122, 52, 3]],
  dark: [[190, 222, 255], [92, 164, 238], [42, 84, 130], [30, 33, 39], [128, 76, 30], [240, 146, 60], [255, 221, 180]],
};
const PAPER: Record<"light" | "dark", readonly [Rgb, Rgb]> = {
  light: [[252, 252, 250], [24, 28, 34]],
  dark: [[16, 18, 22], [242, 244, 246]],
};

function blend(stops: readonly Rgb[], at: number): Rgb {
  const place = at * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  const rest = place - low;
  const mix = (i: 0 | 1 | 2) => Math.round(stops[low]![i] * (1 - rest) + stops[low + 1]![i] * rest);
  return [mix(0), mix(1), mix(2)];
}

/** Relative luminance of sRGB, as WCAG 2 defines it. */
function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((byte) => {
    const c = byte / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

/** 256 colours as bytes in the order of ImageData: entry 128 is zero of a signed scale. */
export interface Palette {
  readonly words: Uint32Array;
  readonly css: (at: number) => string;
  /** Black or white, whichever reads better on the colour there. */
  readonly text: (at: number) => string;
}

function palette(stops: readonly Rgb[]): Palette {
  const words = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const [r, g, b] = blend(stops, i / 255);
    words[i] = (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
  }
  const within = (at: number) => blend(stops, Math.min(1, Math.max(0, at || 0)));
  return {
    words,
    css: (at) => `rgb(${within(at).join(" ")})`,
    text: (at) => (luminance(within(at)) > 0.179 ? "#000000" : "#ffffff"),
  };
}

export interface Palettes {
  signed: Palette;
  ink: Palette;
}

const MADE = {
  light: { signed: palette(STOPS.light), ink: palette(PAPER.light) },
  dark: { signed: palette(STOPS.dark), ink: palette(PAPER.dark) },
};

export const palettes = (dark: boolean): Palettes => (dark ? MADE.dark : MADE.light);

/** The largest magnitude, over finite values; 1 where all are zero. */
export function reach(values: ArrayLike<number>, start = 0, end = values.length): number {
  let most = 0;
  for (let i = start; i < end; i++) {
    const size = Math.abs(values[i]!);
    if (size > most && size < Infinity) most = size;
  }
  return most || 1;
}

/** The colour of a value on the signed scale that ends at ±limit. */
export const signedColour = (value: number, limit: number, dark: boolean): string =>
  palettes(dark).signed.css(0.5 + value / (2 * limit));

/** What can be read on a value's colour on the signed scale. */
export const inkOn = (value: number, limit: number, dark: boolean): string =>
  palettes(dark).signed.text(0.5 + value / (2 * limit));
