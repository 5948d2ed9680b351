/** The theme's colours for canvases, which know no custom properties. */
const kept = new Map<string, string>();

export type Token = "ink" | "quiet" | "line" | "strong-line" | "accent" | "mark" | "warn";

export function token(name: Token, dark: boolean): string {
  const key = `${name} ${dark}`;
  let colour = kept.get(key);
  if (colour === undefined) {
    const probe = document.createElement("span");
    probe.style.colorScheme = dark ? "dark" : "light";
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    colour = getComputedStyle(probe).color;
    probe.remove();
    kept.set(key, colour);
  }
  return colour;
}
