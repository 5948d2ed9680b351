// The engine: runs the program of a payload and answers questions about it.
//
// It knows no page: a worker (worker.ts), the page itself or a test in node can hold it.

import type {
  Data, Drawing, EngineApi, Epoch, Explanation, Field, HeatMap, InputInfo, OcclusionOptions, Payload, ReceptiveField,
  RunResult, Sample, Tensor, TopSample,
} from "../format";
import { offset, size, zeros } from "./arrays";
import { centre } from "./centre";
import { dependencies } from "./depends";
import { explained, weightOf } from "./explain";
import { gradCamMap, gridOf, lengths, occlusionMap, saliencyMap } from "./heat";
import { unpack } from "./packed";
import { Machine, Run, unpackConstants } from "./program";
import { Reading } from "./text";

const PAUSE = 25; // milliseconds of work before messages are looked at
const TOP = 9;
const WARM = 5e7; // FLOPs of a model that is run once at the start

class Cancelled extends Error {
  override name = "AbortError";
}

export class Engine implements EngineApi {
  private payload!: Payload;
  private machine: Machine | null = null;
  private final: Data[] = [];
  private weights: Data[] = [];
  private recorded: (Tensor | null)[] = [];
  private inputs: Tensor[] = []; // of all samples
  private precomputed = new Map<string, Tensor>();
  private last: { run: Run | null; sample: Sample; known: number | null } | null = null;
  private readings: { input: number; value: number; reading: Reading }[] = [];
  private epoch: Epoch = "final";
  private turn = 0; // goes up with each cancel()

  /** Unpack and prepare a payload. */
  async load(payload: Payload): Promise<void> {
    this.payload = payload;
    this.final = await Promise.all(payload.weights.map(async (w) => (await unpack(w.values)).data));
    this.weights = this.final;
    this.inputs = await Promise.all((payload.data?.inputs ?? []).map(unpack));
    for (const entry of payload.precomputed)
      this.precomputed.set(`${entry.layer}/${entry.output}`, await unpack(entry.values));
    const { program } = payload;
    this.readings = await Promise.all((program?.texts ?? []).map(async ({ input, value, reader }) => {
      const weights = reader.weights && (await unpack(reader.weights)).data;
      return { input, value, reading: new Reading(reader, weights) };
    }));
    this.machine = program && new Machine(program, await unpackConstants(program.steps, program.constants), this.weights);
    if (payload.model.flops < WARM) this.warmUp();
  }

  /** Run once on nothing, so that the first stroke finds everything prepared. */
  private warmUp(): void {
    const inputs = this.payload.inputs.map(({ shape, dtype }) => ({ shape, data: zeros(dtype, size(shape)) }));
    try {
      const run = this.began({ inputs });
      for (const value of this.payload.program?.outputs ?? []) if (value >= 0) run?.value(value);
    } catch {
      // It is said where a sample is run.
    }
  }

  async run(sample: Sample, known: number | null = null): Promise<RunResult> {
    const start = performance.now();
    const run = this.began(sample);
    this.last = { run, sample, known };
    const { layers, program, outputs } = this.payload;
    if (run && this.machine) {
      const wanted = layers.flatMap((l) => [...l.outputs, ...l.parts].map((o) => o.value)).filter((v) => v >= 0);
      this.machine.compute([...wanted, ...program!.outputs.filter((v) => v >= 0)], run.table);
    }
    const made = (shape: number[], value: number): Tensor | null => {
      const data = value >= 0 ? run?.value(value) : undefined;
      return data ? { shape, data } : null;
    };
    const values = layers.map((layer, i) =>
      layer.outputs.map((o, k) => made(o.shape, o.value) ?? this.stored(i, k, known) ?? this.entered(i, sample)),
    );
    return {
      layers: values,
      parts: layers.map((layer) => layer.parts.map((p) => made(p.shape, p.value))),
      outputs: outputs.map((o) => values[o.layer][o.index]),
      milliseconds: performance.now() - start,
    };
  }

  /** `instead`: values to be used for what text is read into. */
  private began(sample: Sample, instead?: Map<number, Data>): Run | null {
    if (!this.machine || !this.payload.program) return null;
    const { inputs } = this.payload;
    const given = new Map<number, Data>();
    this.payload.program.inputs.forEach((value, i) => {
      const data = sample.inputs[i]?.data;
      if (!data || value < 0) return;
      if (data.length !== size(inputs[i].shape))
        throw new Error(`Input ${i} has ${data.length} values; expected ${inputs[i].shape.join(" x ")}.`);
      const own = zeros(inputs[i].dtype, data.length);
      own.set(data);
      given.set(value, own);
    });
    for (const { input, value, reading } of this.readings) {
      const { shape, dtype } = this.payload.program.values[value];
      const own = zeros(dtype, size(shape));
      reading.fill(sample.texts?.[input] ?? [], own);
      given.set(value, instead?.get(value) ?? own);
    }
    return new Run(this.machine, given);
  }

  /** What a sample brings for an input layer, of a model that is not computed here. */
  private entered(layer: number, sample: Sample): Tensor | null {
    return this.payload.layers[layer].kind === "input" ? (sample.inputs[layer] ?? null) : null;
  }

  /** A value that Python computed, for a sample that is as it came. */
  private stored(layer: number, output: number, known: number | null): Tensor | null {
    if (known === null || this.epoch !== "final") return null;
    const entry = this.payload.precomputed.find((p) => p.layer === layer && p.output === output);
    const row = entry ? entry.samples.indexOf(known) : -1;
    const all = this.precomputed.get(`${layer}/${output}`);
    if (row < 0 || !all) return null;
    const shape = all.shape.slice(1);
    return { shape, data: all.data.slice(row * size(shape), (row + 1) * size(shape)) };
  }

  async sample(number: number): Promise<Sample> {
    const count = this.payload.data?.count ?? 0;
    if (!(number >= 0 && number < count)) throw new Error(`There is no sample ${number}; the page has ${count}.`);
    return {
      inputs: this.inputs.map(({ shape, data }) => {
        const own = shape.slice(1);
        return { shape: own, data: data.slice(number * size(own), (number + 1) * size(own)) };
      }),
      texts: (this.payload.data?.texts ?? []).map((texts) => texts?.[number] ?? null),
    };
  }

  private current(): { run: Run; sample: Sample; machine: Machine } {
    if (!this.last) throw new Error("No sample was run yet.");
    if (!this.last.run || !this.machine) throw new Error("This model is not computed in the page.");
    return { run: this.last.run, sample: this.last.sample, machine: this.machine };
  }

  // --- what a unit sees

  /** Marks on all values that a unit of a layer's first output depends on. */
  private seen(layer: number, unit: number[]): Map<number, Uint8Array> {
    const { run, machine } = this.current();
    const [output] = this.payload.layers[layer].outputs;
    if (!output || output.value < 0) throw new Error(`Layer ${layer} is not computed in the page.`);
    const inside = unit.length === output.shape.length && unit.every((p, i) => p >= 0 && p < output.shape[i]);
    if (!inside) throw new Error(`Layer ${layer} has the shape ${output.shape.join(" x ")}; there is no unit ${unit}.`);
    const marks = new Uint8Array(size(output.shape));
    marks[offset(output.shape, unit)] = 1;
    return dependencies(
      machine.program, output.value, marks, (v) => machine.moves(v), (v) => run.value(v),
    );
  }

  async receptiveField(layer: number, unit: number[]): Promise<ReceptiveField> {
    const marks = this.seen(layer, unit);
    const { layers, inputs, program } = this.payload;
    const field = (value: number, shape: number[], of: number, output: number): Field | null => {
      const mask = marks.get(value);
      return mask?.includes(1) ? fieldOf(mask, shape, of, output) : null;
    };
    return {
      inputs: inputs.map((input, i) => {
        // What is seen of a text are its tokens.
        const text = this.readings.find((r) => r.input === i)?.value;
        if (text !== undefined) return field(text, program!.values[text].shape.slice(1), input.layer, 0);
        return field(program!.inputs[i], input.shape, input.layer, 0);
      }),
      layers: layers.map((info, i) => {
        for (const [k, o] of info.outputs.entries()) {
          const found = o.value >= 0 ? field(o.value, o.shape, i, k) : null;
          if (found) return found;
        }
        return null;
      }),
    };
  }

  async explain(layer: number, unit: number[], most?: number): Promise<Explanation> {
    const { run } = this.current();
    const info = this.payload.layers[layer];
    let marks: Map<number, Uint8Array> | null = null;
    const tensor = (shape: number[], value: number): Tensor => ({ shape, data: run.value(value) ?? new Float32Array(size(shape)) });
    return explained(
      {
        layer,
        info,
        arguments: info.arguments.map((a) => tensor(a.shape, a.value)),
        output: tensor(info.outputs[0].shape, info.outputs[0].value),
        weight: weightOf(this.payload, info, this.weights),
        sees: (argument) => (marks ??= this.seen(layer, unit)).get(info.arguments[argument].value) ?? null,
      },
      unit,
      most,
    );
  }

  // --- samples that excite a channel

  async topSamples(layer: number, channel: number, count = TOP): Promise<TopSample[]> {
    const known = this.payload.top.find((t) => t.layer === layer);
    const enough = known && known.samples[channel]?.length >= Math.min(count, this.payload.data?.count ?? 0);
    if (known && this.epoch === "final" && enough)
      return known.samples[channel].slice(0, count).map((sample, k) => ({
        sample, activation: known.activations[channel][k], place: known.places[channel][k],
      }));
    return this.searched(layer, channel, count);
  }

  private async searched(layer: number, channel: number, count: number): Promise<TopSample[]> {
    const output = this.payload.layers[layer].outputs[0];
    if (!this.machine || output.value < 0) throw new Error(`Layer ${layer} is not computed in the page.`);
    const found: TopSample[] = [];
    const pause = this.pauses();
    const total = this.payload.data?.count ?? 0;
    for (let sample = 0; sample < total; sample++) {
      await pause(sample / total);
      const data = this.began(await this.sample(sample))!.value(output.value)!;
      found.push({ sample, ...greatest(output.shape, output.view, data, channel) });
      found.sort((a, b) => b.activation - a.activation || a.sample - b.sample);
      found.length = Math.min(found.length, count);
    }
    return found;
  }

  /** Lets messages in from time to time; ends with an AbortError after a cancel(). */
  private pauses(onProgress?: (share: number) => void): (share: number) => Promise<void> {
    const turn = this.turn;
    let since = performance.now();
    return async (share) => {
      if (performance.now() - since < PAUSE) return;
      onProgress?.(share);
      await new Promise((resume) => setTimeout(resume, 0));
      if (turn !== this.turn) throw new Cancelled("It was cancelled.");
      since = performance.now();
    };
  }

  async cancel(): Promise<void> {
    this.turn++;
  }

  // --- what matters for a class

  /** The unit whose value speaks for a class. One unit that says yes or no speaks for two. */
  private unitFor(target: number, units: number): { unit: number; sign: 1 | -1 } {
    const two = units === 1 && this.payload.classNames.length === 2;
    if (!(target >= 0 && target < (two ? 2 : units))) throw new Error(`There is no class ${target}.`);
    return two ? { unit: 0, sign: target === 0 ? -1 : 1 } : { unit: target, sign: 1 };
  }

  /** The gradient of a class's score by a value, for the last run's sample. */
  private gradient(target: number, value: number): Data {
    const { run } = this.current();
    const gradient = this.payload.program?.gradient;
    if (!gradient || value < 0) throw new Error("There is no gradient of a class's score here.");
    const seed = new Float32Array(size(this.payload.program!.values[gradient.seed].shape));
    const { unit, sign } = this.unitFor(target, seed.length);
    seed[unit] = sign;
    run.give(gradient.seed, seed);
    return run.value(value)!;
  }

  async saliency(target: number, input = 0): Promise<HeatMap> {
    const info = this.payload.inputs[input];
    const gradient = this.gradient(target, this.payload.program?.gradient?.inputs[input] ?? -1);
    const text = this.readings.find((r) => r.input === input);
    if (text) return lengths(gradient, size(this.payload.program!.values[text.value].shape));
    const count = size(info.shape);
    return gradient.length === count ? saliencyMap(gridOf(info), gradient) : lengths(gradient, count);
  }

  async gradCam(target: number, layer: number | null = null): Promise<HeatMap & { layer: number }> {
    const { layers } = this.payload;
    const chosen = layer ?? lastWithMaps(this.payload);
    if (chosen < 0) throw new Error("No layer has maps with a gradient.");
    const gradient = this.gradient(target, this.payload.program?.gradient?.layers[chosen] ?? -1);
    const values = this.current().run.value(layers[chosen].outputs[0].value)!;
    return { layer: chosen, ...gradCamMap(layers[chosen], values, gradient) };
  }

  async occlusion(target: number, options: OcclusionOptions = {}, onProgress?: (share: number) => void): Promise<HeatMap> {
    const { sample, run } = this.current();
    const input = options.input ?? 0;
    const program = this.payload.program!;
    const { shape } = this.payload.outputs[0];
    const units = shape.length ? shape[shape.length - 1] : 1;
    const { unit, sign } = this.unitFor(target, units);
    const scored = (made: Run): number => {
      const data = made.value(program.outputs[0])!;
      let sum = 0; // over the places of a map or sequence
      for (let i = unit; i < data.length; i += units) sum += data[i];
      return (sign * sum * units) / data.length;
    };
    const text = this.readings.find((r) => r.input === input);
    if (text) {
      const tokens: InputInfo = { ...this.payload.inputs[input], kind: "tokens", shape: program.values[text.value].shape.slice(1) };
      const score = (data: Data): number => scored(this.began(sample, new Map([[text.value, data]]))!);
      return occlusionMap(tokens, run.value(text.value)!, score, options, this.pauses(onProgress));
    }
    const score = (data: Data): number => {
      const inputs = sample.inputs.map((x, i) => (i === input ? { shape: x.shape, data } : x));
      return scored(this.began({ ...sample, inputs })!);
    };
    return occlusionMap(this.payload.inputs[input], sample.inputs[input].data, score, options, this.pauses(onProgress));
  }

  // --- weights

  async weightsAtEpoch(epoch: Epoch): Promise<void> {
    if (epoch === "final") this.weights = this.final;
    else {
      const { recording } = this.payload;
      if (!recording || !(epoch >= 0 && epoch < recording.epochs.length)) throw new Error(`Epoch ${epoch} was not recorded.`);
      if (!this.recorded.length)
        this.recorded = await Promise.all(recording.weights.map(async (w) => (w ? unpack(w.values) : null)));
      this.weights = this.final.slice();
      recording.weights.forEach((entry, i) => {
        const all = this.recorded[i];
        if (!entry || !all) return;
        const length = all.data.length / recording.epochs.length;
        this.weights[entry.weight] = all.data.slice(epoch * length, (epoch + 1) * length);
      });
    }
    this.epoch = epoch;
    this.machine?.setWeights(this.weights);
    if (this.last) await this.run(this.last.sample, this.last.known);
  }

  async weight(number: number): Promise<Tensor> {
    const info = this.payload.weights[number];
    if (!info) throw new Error(`There is no weight ${number}.`);
    return { shape: info.shape, data: this.weights[number].slice() };
  }

  async centre(drawing: Drawing): Promise<Tensor> {
    return centre(drawing);
  }
}

function lastWithMaps(payload: Payload): number {
  for (let i = payload.layers.length - 1; i >= 0; i--) {
    const { outputs, gradient, kind } = payload.layers[i];
    const view = outputs[0]?.view;
    if (!gradient || kind === "input" || view?.kind !== "maps") continue;
    if (outputs[0].shape[view.rows] * outputs[0].shape[view.columns] > 1) return i;
  }
  return -1;
}

function fieldOf(mask: Uint8Array, shape: number[], layer: number, output: number): Field {
  const box = shape.map((d): [number, number] => [d, -1]);
  let count = 0;
  mask.forEach((on, place) => {
    if (!on) return;
    count++;
    let rest = place;
    for (let i = shape.length - 1; i >= 0; i--) {
      const p = rest % shape[i];
      rest = Math.floor(rest / shape[i]);
      box[i][0] = Math.min(box[i][0], p);
      box[i][1] = Math.max(box[i][1], p);
    }
  });
  return { layer, output, mask, count, box };
}

/** The greatest value of a channel, and its place on the map. */
function greatest(
  shape: number[], view: Payload["layers"][number]["outputs"][number]["view"], data: Data, channel: number,
): { activation: number; place: number[] } {
  const axis = view.kind === "maps" ? view.channels : view.kind === "sequence" ? view.features : -1;
  if (axis < 0) return { activation: data[channel], place: [] };
  const inner = size(shape.slice(axis + 1));
  let best = -1;
  for (let i = 0; i < data.length; i++)
    if (Math.floor(i / inner) % shape[axis] === channel && (best < 0 || data[i] > data[best])) best = i;
  const place: number[] = [];
  let rest = best;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (i !== axis) place.unshift(rest % shape[i]);
    rest = Math.floor(rest / shape[i]);
  }
  return { activation: data[best], place };
}
