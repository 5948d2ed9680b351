/** Places for the boxes of a directed graph without cycles: ranks by longest path, few crossings by
 * barycentres (Sugiyama, Tagawa and Toda 1981), long edges led through places of their own. */
export interface Box {
  id: number;
  width: number;
  height: number;
}

export interface Link {
  from: number;
  to: number;
}

export interface Placed {
  width: number;
  height: number;
  boxes: Map<number, { x: number; y: number }>; // middle of the top edge
  /** Points that a link goes through, from box to box. */
  routes: { x: number; y: number }[][];
}

interface Spot {
  rank: number;
  x: number;
  width: number;
  height: number;
  up: Spot[];
  down: Spot[];
}

const GAP_X = 26;
const GAP_Y = 46;

export function layered(boxes: readonly Box[], links: readonly Link[]): Placed {
  const spots = new Map<number, Spot>(boxes.map((b) => [b.id, { rank: 0, x: 0, width: b.width, height: b.height, up: [], down: [] }]));
  const real = links.filter((l) => spots.has(l.from) && spots.has(l.to) && l.from !== l.to);
  rankByLongestPath(boxes, real, spots);
  const chains = real.map((link) => chain(spots.get(link.from)!, spots.get(link.to)!));
  const all = new Set<Spot>([...spots.values(), ...chains.flat()]);
  const rows: Spot[][] = [];
  for (const spot of all) (rows[spot.rank] ??= []).push(spot);
  for (let i = 0; i < rows.length; i++) rows[i] ??= [];
  order(rows);
  spread(rows);
  const left = Math.min(...[...all].map((s) => s.x - s.width / 2), 0);
  const right = Math.max(...[...all].map((s) => s.x + s.width / 2), 0);
  let y = 0;
  const heights = rows.map((row) => Math.max(0, ...row.map((s) => s.height)));
  const tops = heights.map((height) => {
    const top = y;
    y += height + GAP_Y;
    return top;
  });
  const at = (spot: Spot) => ({ x: spot.x - left, y: tops[spot.rank]! });
  // Straight down between the boxes of a row: a bend there would run behind them.
  const past = (spot: Spot) => [at(spot), { x: at(spot).x, y: at(spot).y + heights[spot.rank]! }];
  return {
    width: right - left,
    height: Math.max(0, y - GAP_Y),
    boxes: new Map(boxes.map((b) => [b.id, at(spots.get(b.id)!)])),
    routes: links.map((link) => {
      const i = real.indexOf(link);
      if (i < 0) return [];
      const from = spots.get(link.from)!, to = spots.get(link.to)!;
      const start = at(from);
      return [{ x: start.x, y: start.y + from.height }, ...chains[i]!.flatMap((s) => past(s)), at(to)];
    }),
  };
}

function rankByLongestPath(boxes: readonly Box[], links: readonly Link[], spots: Map<number, Spot>): void {
  const into = new Map<number, number>(boxes.map((b) => [b.id, 0]));
  const out = new Map<number, number[]>();
  for (const { from, to } of links) {
    into.set(to, into.get(to)! + 1);
    out.set(from, [...(out.get(from) ?? []), to]);
  }
  const ready = boxes.filter((b) => into.get(b.id) === 0).map((b) => b.id);
  for (let i = 0; i < ready.length; i++)
    for (const to of out.get(ready[i]!) ?? []) {
      const spot = spots.get(to)!;
      spot.rank = Math.max(spot.rank, spots.get(ready[i]!)!.rank + 1);
      into.set(to, into.get(to)! - 1);
      if (into.get(to) === 0) ready.push(to);
    }
}

function chain(from: Spot, to: Spot): Spot[] {
  const between: Spot[] = [];
  let last = from;
  for (let rank = from.rank + 1; rank < to.rank; rank++) {
    const spot: Spot = { rank, x: 0, width: 14, height: 0, up: [], down: [] };
    join(last, spot);
    between.push(spot);
    last = spot;
  }
  join(last, to);
  return between;
}

function join(a: Spot, b: Spot): void {
  a.down.push(b);
  b.up.push(a);
}

function order(rows: Spot[][]): void {
  const index = new Map<Spot, number>();
  const number = (row: Spot[]) => row.forEach((s, i) => index.set(s, i));
  rows.forEach(number);
  const mean = (near: Spot[], own: number) => (near.length ? near.reduce((sum, s) => sum + index.get(s)!, 0) / near.length : own);
  for (let sweep = 0; sweep < 8; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : rows.toReversed()) {
      const key = new Map(row.map((s, i) => [s, mean(down ? s.up : s.down, i)]));
      row.sort((a, b) => key.get(a)! - key.get(b)!);
      number(row);
    }
  }
}

/** Everyone wants to stand under the middle of its neighbours; who would overlap is moved aside. */
function spread(rows: Spot[][]): void {
  for (const row of rows) {
    const total = row.reduce((sum, s) => sum + s.width + GAP_X, -GAP_X);
    let x = -total / 2;
    for (const spot of row) {
      spot.x = x + spot.width / 2;
      x += spot.width + GAP_X;
    }
  }
  for (let pass = 0; pass < 6; pass++)
    for (const row of pass % 2 === 0 ? rows : rows.toReversed()) {
      const wish = row.map((s) => {
        const near = pass % 2 === 0 ? s.up : s.down;
        return near.length ? near.reduce((sum, n) => sum + n.x, 0) / near.length : s.x;
      });
      settle(row, wish);
    }
}

function settle(row: Spot[], wish: number[]): void {
  const room = (a: Spot, b: Spot) => (a.width + b.width) / 2 + GAP_X;
  const fromLeft = wish.slice();
  for (let i = 1; i < row.length; i++) fromLeft[i] = Math.max(fromLeft[i]!, fromLeft[i - 1]! + room(row[i - 1]!, row[i]!));
  const fromRight = wish.slice();
  for (let i = row.length - 2; i >= 0; i--) fromRight[i] = Math.min(fromRight[i]!, fromRight[i + 1]! - room(row[i]!, row[i + 1]!));
  // Both keep the distances, so their mean does.
  row.forEach((spot, i) => (spot.x = (fromLeft[i]! + fromRight[i]!) / 2));
}
