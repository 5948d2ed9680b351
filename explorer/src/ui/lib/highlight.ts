/** Python in pieces for the eye; every piece is text, joined they are the code. */
export interface Piece {
  kind: "plain" | "comment" | "string" | "keyword" | "number";
  text: string;
}

const KEYWORDS = "and as assert class def del elif else except False for from if import in is lambda None not or pass raise return True try while with yield";
const PATTERN = new RegExp(
  [
    String.raw`(?<comment>#[^\n]*)`,
    String.raw`(?<string>"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')`,
    String.raw`(?<keyword>\b(?:${KEYWORDS.replaceAll(" ", "|")})\b)`,
    String.raw`(?<number>\b\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?\b)`,
  ].join("|"),
  "g",
);

export function highlight(code: string): Piece[] {
  const out: Piece[] = [];
  let from = 0;
  for (const match of code.matchAll(PATTERN)) {
    if (match.index > from) out.push({ kind: "plain", text: code.slice(from, match.index) });
    const kind = Object.entries(match.groups!).find(([, text]) => text !== undefined)![0] as Piece["kind"];
    out.push({ kind, text: match[0] });
    from = match.index + match[0].length;
  }
  if (from < code.length) out.push({ kind: "plain", text: code.slice(from) });
  return out;
}
