// What a primitive's row is here: from shapes and static arguments to a function of arrays.

import type { Body, Data, Static } from "../../format";
import type { Aval } from "../arrays";

export type Kernel = (inputs: Data[]) => Data[];

/** A sub-graph made ready to run. */
export type Compile = (body: Body) => Kernel;

/** Prepares one step. Everything that depends on shapes alone is worked out here, once. */
export type Row = (call: Call) => Kernel;

export class Call {
  constructor(
    readonly op: string,
    readonly inputs: Aval[],
    readonly outputs: Aval[],
    private readonly options: { [key: string]: Static },
    readonly compile: Compile,
  ) {}

  number(name: string, otherwise?: number): number {
    const value = this.options[name];
    if (typeof value === "number") return value;
    if (value === "inf") return Infinity;
    if (value === "-inf") return -Infinity;
    if (value === "nan") return NaN;
    if (typeof value === "boolean") return Number(value);
    if (value == null && otherwise !== undefined) return otherwise;
    throw this.bad(name, "a number");
  }

  flag(name: string, otherwise = false): boolean {
    const value = this.options[name];
    return value == null ? otherwise : Boolean(value);
  }

  text(name: string): string {
    const value = this.options[name];
    if (typeof value !== "string") throw this.bad(name, "a text");
    return value;
  }

  numbers(name: string): number[] {
    const value = this.options[name];
    if (!Array.isArray(value)) throw this.bad(name, "numbers");
    return value as number[];
  }

  pairs(name: string): [number, number][] {
    return this.numbers(name) as unknown as [number, number][];
  }

  body(name: string): Body {
    const value = this.options[name];
    if (value === null || typeof value !== "object" || !("body" in value)) throw this.bad(name, "a graph");
    return value as Body;
  }

  private bad(name: string, wanted: string): Error {
    return new Error(`${this.op}: ${name} is ${JSON.stringify(this.options[name])}; expected ${wanted}.`);
  }
}
