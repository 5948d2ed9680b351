// Text as tokens, as the layers TextVectorization and StringLookup read it.
//
// The rules are ASCII's, as in TensorFlow: only A to Z become small, only ASCII punctuation goes, and white
// space is space, tab, line feed, vertical tab, form feed and carriage return.

import type { Data, TextReader } from "../format";

const PUNCTUATION = /[!-/:-@[-`{-~]/g;
const SPACE = /[ \t\n\v\f\r]+/;

/** A token, and its number: `known` is false where the vocabulary lacks it. */
export interface Token {
  text: string;
  number: number;
  known: boolean;
}

export class Reading {
  private readonly numbers = new Map<string, number>();

  constructor(readonly reader: TextReader, private readonly weights: Data | null = null) {
    reader.words.forEach((word, i) => this.numbers.set(word, reader.first + i));
    if (reader.mask !== null) this.numbers.set(reader.mask, reader.maskNumber);
  }

  /** The tokens of a sample's texts, n-grams after what they are made of. */
  tokens(texts: readonly string[]): Token[] {
    const plain = texts.map((text) => this.standardized(text));
    const cut = this.reader.split === null ? plain : plain.flatMap((text) => this.split(text));
    const { ngrams } = this.reader;
    const all = ngrams === null ? cut : ngrams.flatMap((size) => grams(cut, size));
    return all.map((text) => {
      const number = this.numbers.get(text);
      return { text, number: number ?? this.reader.unknown, known: number !== undefined };
    });
  }

  /** What the layer gives for texts, written into `into`. */
  fill(texts: readonly string[], into: Data): void {
    into.fill(0);
    const numbers = this.tokens(texts).map((token) => token.number);
    if (this.reader.mode === "int") {
      numbers.slice(0, into.length).forEach((number, i) => (into[i] = number));
      return;
    }
    const counts = new Float64Array(into.length);
    for (const number of numbers) if (number >= 0) counts[number]++;
    counts.forEach((count, i) => {
      into[i] = this.reader.mode === "multi_hot" ? Number(count > 0) : count * (this.weights?.[i] ?? 1);
    });
  }

  private standardized(text: string): string {
    const how = this.reader.standardize ?? "";
    const small = how.includes("lower") ? text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : text;
    return how.includes("strip") ? small.replace(PUNCTUATION, "") : small;
  }

  private split(text: string): string[] {
    return this.reader.split === "character" ? Array.from(text) : text.split(SPACE).filter(Boolean);
  }
}

function grams(tokens: readonly string[], size: number): string[] {
  const count = Math.max(0, tokens.length - size + 1);
  return Array.from({ length: count }, (_, i) => tokens.slice(i, i + size).join(" "));
}
