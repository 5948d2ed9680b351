// A program made ready to run: each step is prepared once; a run computes what is asked for.
//
// What depends on weights alone is kept from run to run, until weights change.

import type { Body, Data, Program, Step } from "../format";
import { type Aval, settle } from "./arrays";
import { unpack } from "./packed";
import { ROWS } from "./primitives";
import { Call, type Kernel } from "./primitives/row";

type Values = { shape: number[]; dtype: Aval["dtype"] }[];

/** Packed constants of a program and of all bodies in it, unpacked beforehand: unpacking takes its time. */
export type Constants = Map<object, Data>;

export async function unpackConstants(steps: Step[], own: Program["constants"], into: Constants = new Map()): Promise<Constants> {
  for (const constant of own) into.set(constant, (await unpack(constant.array)).data);
  for (const step of steps)
    for (const value of Object.values(step.static))
      if (value !== null && typeof value === "object" && "body" in value) {
        const body = value as Body;
        await unpackConstants(body.steps, body.constants, into);
      }
  return into;
}

function prepared(step: Step, values: Values, constants: Constants): Kernel {
  const row = ROWS[step.op];
  if (!row) throw new Error(`The page does not know the primitive ${step.op}.`);
  const of = (numbers: number[]) => numbers.map((v) => values[v]);
  const compile = (body: Body) => compiled(body, constants);
  const outputs = of(step.out);
  const kernel = row(new Call(step.op, of(step.in), outputs, step.static, compile));
  const narrow = outputs.some(({ dtype }) => NARROW.has(dtype));
  if (!narrow || VIEWS.has(step.op)) return kernel;
  return (inputs) => {
    const made = kernel(inputs);
    made.forEach((data, i) => settle(outputs[i].dtype, data));
    return made;
  };
}

const NARROW = new Set(["float16", "bfloat16", "int8", "int16", "uint16", "uint32"]);
const VIEWS = new Set(["reshape", "scan", "while_loop", "cond"]); // results are settled already

/** A body as a function of its inputs. */
function compiled(body: Body, constants: Constants): Kernel {
  const steps = body.steps.map((step) => ({ step, kernel: prepared(step, body.values, constants) }));
  return (inputs) => {
    const table = new Array<Data>(body.values.length);
    body.inputs.forEach((v, i) => (table[v] = inputs[i]));
    for (const constant of body.constants) table[constant.value] = constants.get(constant)!;
    for (const { step, kernel } of steps) {
      const made = kernel(step.in.map((v) => table[v]));
      step.out.forEach((v, i) => (table[v] = made[i]));
    }
    return body.outputs.map((v) => table[v]);
  };
}

/** The arrays of one run; computes more of them when asked. */
export class Run {
  readonly table: (Data | undefined)[];

  constructor(
    private readonly machine: Machine,
    given: Map<number, Data>,
  ) {
    this.table = machine.start();
    for (const [value, data] of given) this.table[value] = data;
  }

  /** The array of a value, computed now if it wasn't. Undefined if it hangs on an input that was not given. */
  value(value: number): Data | undefined {
    if (!this.table[value]) this.machine.compute([value], this.table);
    return this.table[value];
  }

  /** Give an input that was not there at the start, or another array for it; what hangs on it is forgotten. */
  give(value: number, data: Data): void {
    this.machine.forget(value, this.table);
    this.table[value] = data;
  }
}

export class Machine {
  readonly producer = new Map<number, number>(); // value -> step
  private readonly kernels = new Map<number, Kernel>(); // prepared when first needed
  private readonly moving: Uint8Array; // value: whether it hangs on a sample
  private fixed: (Data | undefined)[];

  constructor(
    readonly program: Program,
    private readonly constants: Constants,
    private weights: Data[],
  ) {
    program.steps.forEach((step, i) => step.out.forEach((v) => this.producer.set(v, i)));
    this.moving = new Uint8Array(program.values.length);
    for (const v of [...program.inputs, ...program.texts.map((text) => text.value)]) if (v >= 0) this.moving[v] = 1;
    if (program.gradient) this.moving[program.gradient.seed] = 1;
    for (const step of program.steps)
      if (step.in.some((v) => this.moving[v])) for (const v of step.out) this.moving[v] = 1;
    this.fixed = this.given();
  }

  /** Whether a value hangs on the sample. */
  moves(value: number): boolean {
    return this.moving[value] === 1;
  }

  setWeights(weights: Data[]): void {
    this.weights = weights;
    this.fixed = this.given();
  }

  private given(): (Data | undefined)[] {
    const table = new Array<Data | undefined>(this.program.values.length);
    this.program.weights.forEach((v, i) => (table[v] = this.weights[i]));
    for (const constant of this.program.constants) table[constant.value] = this.constants.get(constant);
    return table;
  }

  start(): (Data | undefined)[] {
    return this.fixed.slice();
  }

  /** The steps that make `wanted`, in order, of those whose results are not there. */
  private needed(wanted: readonly number[], table: (Data | undefined)[]): number[] {
    const steps = new Set<number>();
    const stack = [...wanted];
    while (stack.length) {
      const value = stack.pop()!;
      const step = this.producer.get(value);
      if (table[value] || step === undefined || steps.has(step)) continue;
      steps.add(step);
      stack.push(...this.program.steps[step].in);
    }
    return [...steps].sort((a, b) => a - b);
  }

  compute(wanted: readonly number[], table: (Data | undefined)[]): void {
    for (const number of this.needed(wanted, table)) {
      const step = this.program.steps[number];
      const inputs = step.in.map((v) => table[v]);
      if (inputs.some((x) => x === undefined)) continue; // hangs on an input that nobody gave
      let kernel = this.kernels.get(number);
      if (!kernel) {
        kernel = prepared(step, this.program.values, this.constants);
        this.kernels.set(number, kernel);
      }
      const made = kernel(inputs as Data[]);
      step.out.forEach((v, i) => {
        table[v] = made[i];
        if (!this.moving[v]) this.fixed[v] = made[i];
      });
    }
  }

  /** Drop what hangs on a value. */
  forget(value: number, table: (Data | undefined)[]): void {
    const stale = new Uint8Array(this.program.values.length);
    stale[value] = 1;
    for (const step of this.program.steps)
      if (step.in.some((v) => stale[v]))
        for (const v of step.out) {
          stale[v] = 1;
          table[v] = undefined;
        }
  }
}
