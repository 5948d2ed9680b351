/** What the page knows: the sample at hand, its values, and what the reader points at. */
import type {
  DataInfo, EngineApi, Epoch, Explanation, HeatMap, InputInfo, LayerInfo, Payload, ReceptiveField,
  RunResult, Sample, Tensor,
} from "../format";
import { palettes, reach } from "./lib/colour";
import { flatIndex, product } from "./lib/tiles";
import { latest } from "./lib/latest";

export interface Unit {
  layer: number;
  unit: number[];
}

export interface Inspection extends Unit {
  value: number;
  field: ReceptiveField | null;
  explanation: Explanation | null;
}

export type Method = "none" | "saliency" | "gradcam" | "occlusion";
export const METHODS: Record<Exclude<Method, "none">, string> = {
  saliency: "Saliency",
  gradcam: "Grad-CAM",
  occlusion: "Occlusion",
};

export const VIEWS = ["network", "training", "results", "graph", "code"] as const;
export type ViewName = (typeof VIEWS)[number];

const MANY_LAYERS = 40;
/** Terms of a unit that are asked for; more than this nobody reads one by one. */
const MOST_TERMS = 4096;

export class Explorer {
  readonly payload: Payload;
  readonly engine: EngineApi;
  readonly data: DataInfo | null;

  view = $state<ViewName>("network");
  theme = $state<"auto" | "light" | "dark">("auto");
  systemDark = $state(false);
  /** Paper is light. */
  printing = $state(false);
  dark = $derived(!this.printing && (this.theme === "auto" ? this.systemDark : this.theme === "dark"));
  colours = $derived(palettes(this.dark));

  sample = $state.raw<Sample | null>(null);
  known = $state<number | null>(null);
  result = $state.raw<RunResult | null>(null);
  /** Counts up with each result: what tests and screen readers wait for. */
  runs = $state(0);
  problem = $state<string | null>(null);
  said = $state("");

  epoch = $state<Epoch>("final");
  epochBusy = $state(false);

  shown = $state<boolean[]>([]);
  ownScale = $state(false);
  inspection = $state.raw<Inspection | null>(null);
  held = $state(false);
  pinned = $state.raw<Inspection[]>([]);
  /** Which term of the explanation is pointed at, by the reader or by the animation. */
  term = $state<number | null>(null);

  method = $state<Method>("none");
  chosenTarget = $state<number | null>(null);
  heat = $state.raw<HeatMap | null>(null);
  heatBusy = $state(false);
  heatShare = $state(0);
  camLayer = $state<number | null>(null);
  /** Which input the map of reasons is about. */
  heatInput = $state(0);

  /** Of classes; of numbers what comes out. A unit that says yes or no is shown as two classes. */
  scores = $derived(this.result?.outputs[0] ? this.withBoth(this.result.outputs[0]) : null);
  guess = $derived(this.scores && this.isClassifier ? greatest(this.scores.data) : null);
  target = $derived(this.chosenTarget ?? this.guess ?? 0);

  private readonly running = latest((sample: Sample, known: number | null) => this.runNow(sample, known));
  private readonly inspecting = latest((unit: Unit) => this.inspectNow(unit));
  private readonly repinning = latest(() => this.repinNow());
  private readonly heating = latest(() => this.heatNow());
  private readonly scrubbing = latest((epoch: Epoch) => this.scrubNow(epoch));
  /** The unit that is asked about last, whose answer may still be on its way. */
  private asked: Unit | null = null;
  private readonly kept = new Map<number, Promise<Sample>>();

  constructor(payload: Payload, engine: EngineApi) {
    this.payload = payload;
    this.engine = engine;
    this.data = payload.data;
    const outer = payload.layers.filter((layer) => layer.parent === null).length;
    // A picture that goes in is shown beside the layers; of deep models what works is shown first.
    this.shown = payload.layers.map((layer, i) => {
      if (layer.parent !== null || layer.kind === "dropout") return false;
      if (layer.kind === "input") return !payload.inputs.some((input) => input.layer === i && (input.image || input.kind === "text"));
      return outer <= MANY_LAYERS || layer.parameters > 0 || layer.kind === "pool" || i === payload.layers.length - 1;
    });
    const best = payload.inputs.findIndex((input, i) => (input.image || input.kind === "text" || input.kind === "tokens") && this.explainable(i));
    this.heatInput = Math.max(0, best);
  }

  async start(): Promise<void> {
    if (this.data && this.data.count > 0) await this.pick(0);
    else await this.use({ inputs: this.payload.inputs.map(blank) }, null);
  }

  /** The name of a class; of numbers that of the output, with their place where they are several. */
  label(target: number): string {
    const name = this.payload.classNames[target];
    if (name !== undefined) return name;
    const output = this.payload.outputs[0];
    if (output?.kind !== "values") return String(target);
    return this.targets > 1 ? `${output.name} ${target}` : output.name;
  }

  /** Classes, or numbers that the first output gives (of maps and sequences: at each place). */
  get targets(): number {
    const output = this.payload.outputs[0];
    if (!output) return 0;
    return this.isBinary ? 2 : (output.shape.at(-1) ?? 1);
  }

  /** Whether the first output is one unit that says how probable the second of two classes is. */
  get isBinary(): boolean {
    const output = this.payload.outputs[0];
    return output?.kind === "independent" && product(output.shape) === 1 && this.payload.classNames.length === 2;
  }

  private withBoth(output: Tensor): Tensor {
    if (!this.isBinary) return output;
    return { shape: [2], data: Float32Array.of(1 - output.data[0]!, output.data[0]!) };
  }

  /** Whether there is a gradient of the answer by an input. */
  private explainable(input: number): boolean {
    return (this.payload.program?.gradient?.inputs[input] ?? -1) >= 0;
  }

  /** Inputs that reasons can be shown on. */
  get heatInputs(): number[] {
    const { program, inputs } = this.payload;
    if (!program) return [];
    return inputs.flatMap((input, i) => (this.explainable(i) || this.coverable(input) ? [i] : []));
  }

  private coverable(input: InputInfo): boolean {
    return input.kind !== "table" && input.kind !== "tensor";
  }

  get isClassifier(): boolean {
    const output = this.payload.outputs[0];
    return output !== undefined && output.kind !== "values" && output.shape.length < 2;
  }

  /** What may be asked about a class: gradients need the program that has them. */
  get methods(): Exclude<Method, "none">[] {
    const program = this.payload.program;
    const out: Exclude<Method, "none">[] = [];
    const input = this.payload.inputs[this.heatInput];
    if (!program || !input) return out;
    if (this.explainable(this.heatInput)) out.push("saliency");
    if (this.camLayers.length && input.image) out.push("gradcam");
    if (this.coverable(input)) out.push("occlusion");
    return out;
  }

  get camLayers(): number[] {
    if (!this.payload.program?.gradient || !this.payload.inputs.some((input) => input.image)) return [];
    return this.payload.layers.flatMap((layer, i) => (layer.gradient && layer.outputs[0]?.view.kind === "maps" ? [i] : []));
  }

  say(text: string): void {
    this.said = text;
  }

  // ------------------------------------------------------------ samples

  sampleOf(number: number): Promise<Sample> {
    let sample = this.kept.get(number);
    if (!sample) {
      sample = this.engine.sample(number);
      this.kept.set(number, sample);
    }
    return sample;
  }

  async pick(number: number): Promise<void> {
    await this.use(await this.sampleOf(number), number);
  }

  use(sample: Sample, known: number | null): Promise<void> {
    this.sample = sample;
    this.known = known;
    return this.running(sample, known);
  }

  /** The sample at hand with one input replaced. */
  replaceInput(index: number, tensor: Tensor): Promise<void> {
    const inputs = (this.sample?.inputs ?? this.payload.inputs.map(blank)).slice();
    inputs[index] = tensor;
    return this.use({ ...this.sample, inputs }, null);
  }

  /** The sample at hand with one input's texts replaced. */
  replaceTexts(index: number, texts: string[]): Promise<void> {
    const all = this.payload.inputs.map((_, i) => this.sample?.texts?.[i] ?? null);
    all[index] = texts;
    return this.use({ inputs: this.sample?.inputs ?? this.payload.inputs.map(blank), texts: all }, null);
  }

  private async runNow(sample: Sample, known: number | null): Promise<void> {
    try {
      this.result = await this.engine.run(sample, known);
      this.problem = null;
    } catch (error) {
      this.problem = `The network could not be run: ${message(error)}`;
    }
    this.runs += 1;
    if (this.guess !== null && this.isClassifier && this.scores)
      this.say(`The network answers ${this.label(this.guess)}`);
    if (this.asked) void this.inspecting(this.asked);
    if (this.pinned.length) void this.repinning();
    if (this.method === "saliency" || this.method === "gradcam") void this.heating();
    else if (this.method === "occlusion") this.heat = null;
  }

  // ------------------------------------------------------------ units

  valueOf(layer: number, unit: readonly number[]): number {
    const tensor = this.result?.layers[layer]?.[0];
    return tensor ? tensor.data[flatIndex(unit, tensor.shape)]! : NaN;
  }

  /** Looks at a unit; while another is held only `force` moves on. */
  inspect(unit: Unit, force = false): Promise<void> {
    if (this.held && !force) return Promise.resolve();
    if (this.asked && sameUnit(this.asked, unit)) return Promise.resolve();
    this.asked = unit;
    this.term = null;
    return this.inspecting(unit);
  }

  hold(unit: Unit): void {
    if (this.held && this.asked && sameUnit(this.asked, unit)) {
      this.letGo();
      return;
    }
    this.held = true;
    void this.inspect(unit, true);
    this.say(`Holding ${this.unitName(unit)}`);
  }

  letGo(): void {
    this.held = false;
    this.say("Let go");
  }

  pin(): void {
    const now = this.inspection;
    if (!now) return;
    this.pinned = [...this.pinned, now].slice(-2);
  }

  unpin(index: number): void {
    this.pinned = this.pinned.filter((_, i) => i !== index);
  }

  unitName({ layer, unit }: Unit): string {
    return `${this.payload.layers[layer]!.path} [${unit.join(", ")}]`;
  }

  private async inspectNow(unit: Unit): Promise<void> {
    this.inspection = await this.lookAt(unit);
    const terms = this.inspection.explanation?.terms.length ?? 0;
    if (this.term !== null && this.term >= terms) this.term = null;
  }

  /** What is pinned stays comparable: it follows the sample and the epoch. */
  private async repinNow(): Promise<void> {
    const looked = await Promise.all(this.pinned.map((pin) => this.lookAt(pin)));
    this.pinned = this.pinned.map((pin) => looked.find((found) => sameUnit(found, pin)) ?? pin);
  }

  private async lookAt({ layer: number, unit }: Unit): Promise<Inspection> {
    const layer = this.payload.layers[number]!;
    const [field, explanation] = await Promise.all([
      this.payload.program ? this.engine.receptiveField(number, unit).catch(() => null) : null,
      layer.live ? this.engine.explain(number, unit, MOST_TERMS).catch(() => null) : null,
    ]);
    return { layer: number, unit, value: this.valueOf(number, unit), field, explanation };
  }

  // ------------------------------------------------------------ why

  explainBy(method: Method): void {
    if (this.heatBusy && this.method === "occlusion") void this.engine.cancel();
    this.method = method;
    this.heat = null;
    if (method !== "none") void this.heating();
  }

  explainOn(input: number): void {
    this.heatInput = input;
    this.heat = null;
    if (this.method !== "none" && !this.methods.includes(this.method)) this.method = "none";
    this.redoHeat();
  }

  explainFor(target: number | null): void {
    this.chosenTarget = target;
    if (this.method !== "none") void this.heating();
  }

  redoHeat(): void {
    if (this.method !== "none") void this.heating();
  }

  private async heatNow(): Promise<void> {
    const { method, target, heatInput: input } = this;
    this.heatBusy = true;
    this.heatShare = 0;
    try {
      if (method === "saliency") this.heat = await this.engine.saliency(target, input);
      else if (method === "gradcam") this.heat = await this.engine.gradCam(target, this.camLayer ?? this.camLayers.at(-1));
      else if (method === "occlusion")
        this.heat = await this.engine.occlusion(target, { input }, (share) => (this.heatShare = share));
    } catch (error) {
      this.heat = null;
      if (!(error instanceof Error && error.name === "AbortError")) this.problem = `No explanation: ${message(error)}`;
    }
    this.heatBusy = false;
  }

  // ------------------------------------------------------------ epochs

  scrub(epoch: Epoch): Promise<void> {
    this.epoch = epoch;
    return this.scrubbing(epoch);
  }

  private async scrubNow(epoch: Epoch): Promise<void> {
    this.epochBusy = true;
    try {
      await this.engine.weightsAtEpoch(epoch);
      if (this.sample) await this.running(this.sample, this.known);
    } catch (error) {
      this.problem = `The weights of this epoch could not be set: ${message(error)}`;
    }
    this.epochBusy = false;
  }

  // ------------------------------------------------------------ colours

  /** The value at the ends of a layer's colour scale: what the data reaches, or this sample where it goes beyond. */
  limitOf(layer: number, tensor: Tensor | null): number {
    const known = this.payload.statistics[layer];
    const here = tensor ? reach(tensor.data) : 1;
    if (!known || this.epoch !== "final") return here;
    return Math.max(Math.abs(known.low), Math.abs(known.high), here) || 1;
  }
}

const sameUnit = (a: Unit, b: Unit): boolean => a.layer === b.layer && a.unit.join() === b.unit.join();

export function greatest(values: ArrayLike<number>): number | null {
  let best = -1;
  for (let i = 0; i < values.length; i++) if (best < 0 || values[i]! > values[best]!) best = i;
  return best < 0 ? null : best;
}

export function blank(input: InputInfo): Tensor {
  const size = product(input.shape);
  const whole = /int|bool/.test(input.dtype);
  const data = whole ? new Int32Array(size) : new Float32Array(size);
  if (input.image) data.fill(input.image.background);
  return { shape: input.shape.slice(), data };
}

export const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The name that is shown for a layer: what it adds to the layer that holds it. */
export const layerName = (layer: LayerInfo): string => layer.path || layer.name;
