// All rows by the primitive's name. Python knows the same names (visualization/explorer/known.py).

import { CONTRACT } from "./contract";
import { CONTROL } from "./control";
import { ELEMENTWISE } from "./elementwise";
import { INDEXING } from "./indexing";
import { MOVEMENT } from "./movement";
import { POOLING } from "./pooling";
import { RANDOM } from "./random";
import { RECURRENT } from "./recurrent";
import { REDUCE } from "./reduce";
import type { Row } from "./row";

export const ROWS: Record<string, Row> = {
  ...ELEMENTWISE,
  ...CONTRACT,
  ...POOLING,
  ...REDUCE,
  ...MOVEMENT,
  ...INDEXING,
  ...RECURRENT,
  ...CONTROL,
  ...RANDOM,
};
