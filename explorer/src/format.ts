// The contract between Python, the engine and the page.
//
//   1. `Payload`: what Python (minikeras/visualization/explorer/) writes as JSON into the page's slot
//          <script type="application/json" id="payload">__PAYLOAD__</script>
//      Inside it `<`, `>` and `&` are written as \u003c, \u003e, \u0026, so plain
//      JSON.parse(element.textContent) reads it. All names and labels are DATA: show them as text only.
//   2. `EngineApi`: what the engine answers. All of it is async, whether it runs in a worker or not.
//
// How a page gets an engine (src/engine/client.ts):
//          import { startEngine } from "../engine/client";
//          const engine = await startEngine(payload);      // EngineApi
//      It starts a worker from the text of <script type="text/plain" id="engine">, which the vite plugin
//      `engineScript()` of src/engine/embed writes into the built page (so that Python's tests can run
//      the very engine that is shipped, in node); where no worker can be made it runs on the page's thread.
//      Tests in node: import { Engine } from "src/engine/engine"; const engine = new Engine(); await engine.load(payload).
//
// Rules that hold everywhere:
//   - Shapes are WITHOUT the batch axis, except in `Program`, which works on a batch of one.
//   - Arrays are flat and row-major. A unit is an index tuple into a layer's output shape.
//   - Layers are named by their number: the index into `payload.layers`, which is in order of execution.
//   - Samples are named by their number in `payload.data`: only those that came along in the page.
//   - `null` means "there is none" or "not known"; a list that may be empty is never null.

// ------------------------------------------------------------------ arrays

export type DType =
  | "float16" | "bfloat16" | "float32" | "float64"
  | "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64" | "bool";

/** An array in JSON; `unpack()` of src/engine/packed.ts reads it. */
export interface Packed {
  dtype: DType; // of the array that comes out (16-bit floats come out as float32, 64-bit integers as int32 or float64)
  shape: number[];
  /** `raw`: little-endian bytes of the dtype. `palette`: numbers (8 or 16 bits) into `palette`; exact.
   *  `bytes`: 8 bits, value = low + step * byte; approximate, and the page says so. */
  coding: "raw" | "palette" | "bytes";
  width?: 1 | 2; // of palette: bytes of a number
  palette?: Packed;
  low?: number;
  step?: number;
  delta?: boolean; // of bytes: along the first axis each entry holds the difference from the one before, modulo 256
  deflate: boolean; // whether the bytes are compressed (zlib)
  data: string; // base64
}

export type Data = Float32Array | Float64Array | Int32Array | Uint8Array;

/** An array at hand. bool and uint8 are Uint8Array; other integers Int32Array; float64 and what exceeds int32 Float64Array. */
export interface Tensor {
  shape: number[];
  data: Data;
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

// ------------------------------------------------------------------ payload

export interface Payload {
  format: 1;
  generator: string; // "minikeras 1.2.3"
  title: string;
  model: ModelInfo;
  inputs: InputInfo[];
  outputs: OutputInfo[];
  layers: LayerInfo[];
  edges: Edge[];
  weights: WeightInfo[];
  program: Program | null; // null: nothing can be computed in the page; see precomputed
  /** What the engine does not know, or what cannot be staged; empty if all is computed in the page. */
  limits: string[]; // sentences for the reader, to be shown
  classNames: string[]; // of the first output, if it is a classifier; else []
  data: DataInfo | null;
  evaluation: Evaluation | null;
  regression: Regression | null;
  top: TopInfo[]; // per layer with channels: what excites them most
  statistics: (LayerStatistics | null)[]; // per layer, over the data; for stable colour scales and dead units
  precomputed: Precomputed[]; // values of layers that are not `live`, for some samples
  recording: Recording | null;
}

export interface ModelInfo {
  name: string;
  className: string; // Sequential, Functional or the author's
  parameters: number;
  trainable: number;
  flops: number; // of one sample, forward; a multiply-add counts 2
  code: string; // Python with Keras that makes the model
  codeIsWhole: boolean; // false: the code says what is missing (classes of the author's)
}

export type InputKind = "image" | "tokens" | "text" | "sequence" | "table" | "tensor";

export interface InputInfo {
  name: string;
  layer: number; // of its InputLayer (or of a stand-in)
  shape: number[];
  dtype: DType;
  kind: InputKind;
  image: ImageInfo | null; // for kind "image"
  columns: string[]; // for kind "table": names of the features, or []
  tokens: string[]; // for kind "tokens": text of each token number, or []
  low: number; // the smallest and greatest value in the data (or a guess)
  high: number;
}

export interface ImageInfo {
  rows: number;
  columns: number;
  channels: number; // 1, 3 or 4
  layout: "channels_last" | "channels_first" | "none" | "flat"; // none: (rows, columns); flat: (rows*columns*channels,)
  background: number; // value of an empty pixel (per data; for digits 0)
  ink: number; // value of a fully drawn pixel (for digits 1 or 255)
  drawable: boolean; // one channel on an even ground: drawing makes sense
  centre: boolean; // whether drawings are to be centred as MNIST's were
}

export interface OutputInfo {
  name: string;
  layer: number;
  index: number; // which of the layer's outputs
  shape: number[];
  /** probabilities: of classes, sum 1. independent: 0 to 1 each. logits: of classes. values: numbers. */
  kind: "probabilities" | "independent" | "logits" | "values";
}

export type LayerKind =
  | "input" | "conv" | "depthwise" | "separable" | "transposed" | "dense" | "pool" | "globalpool" | "normalization"
  | "activation" | "merge" | "reshape" | "upsample" | "pad" | "crop" | "dropout" | "embedding" | "recurrent"
  | "attention" | "text" | "model" | "operation" | "other";

/** How the axes of an output (without batch) are to be drawn. */
export type View =
  | { kind: "maps"; rows: number; columns: number; channels: number } // axes of a rank-3 output
  | { kind: "plane"; rows: number; columns: number } // rank 2 that is a picture
  | { kind: "sequence"; steps: number; features: number } // rank 2: time or tokens by features
  | { kind: "vector" } // rank 1
  | { kind: "scalar" }
  | { kind: "tensor" }; // anything else: draw its cells in rows of the last axis

export interface LayerInfo {
  name: string; // unique only with its path; data, not markup
  path: string; // "block/conv1"; a layer that is called again has " (2)" at its end
  className: string;
  kind: LayerKind;
  parent: number | null; // the layer (a model, a block) in whose call it was called
  depth: number; // how many parents
  inputs: number[]; // the layers whose outputs it takes, in order of arguments
  arguments: { value: number; shape: number[]; layer: number; output: number }[]; // its tensors; layer -1: of no layer
  outputs: OutputValue[];
  live: boolean; // computed in the page; else see Payload.precomputed
  parameters: number;
  trainable: number;
  flops: number;
  weights: { role: string; weight: number }[]; // role: kernel, bias, gamma, ...; weight: index into Payload.weights
  config: { [key: string]: Json }; // Keras's config, for display
  activation: string | null;
  geometry: Geometry | null; // windows of conv, depthwise, separable, transposed, pool
  /** Window of a unit on the first image or sequence input, where it is one (chains of windows); null else.
   *  The unit at p sees input places start + stride*p ... start + stride*p + size - 1 along each axis, less what
   *  lies outside. `EngineApi.receptiveField` is exact for all layers (holes of dilation, groups, branches). */
  receptive: { size: number[]; stride: number[]; start: number[] } | null;
  explainable: boolean; // whether EngineApi.explain gives more than input values
  parts: Part[]; // more that goes on inside: attention scores, states over time
  gradient: boolean; // whether there is a gradient of a class score by this layer's output (gradCam works if maps)
}

export interface OutputValue {
  shape: number[];
  dtype: DType;
  view: View;
  value: number; // number of the value in Program; -1 if not live
}

export interface Part {
  /** attention: (heads, queries, keys), rows sum to 1. states: (steps, units) hidden states; cells: LSTM's cells;
   *  gates: (steps, gates*units) with `names`. */
  kind: "attention" | "states" | "cells" | "gates";
  shape: number[];
  names: string[]; // of gates: ["input", "forget", "candidate", "output"]
  value: number;
}

export interface Geometry {
  kernel: number[];
  strides: number[];
  padding: [number, number][]; // before and after, in input places (for transposed: of the convolution it transposes)
  dilation: number[];
  groups: number;
  depthMultiplier: number; // 1 unless depthwise or separable
  pool: "max" | "average" | null;
}

export interface Edge {
  from: number;
  to: number;
  output: number; // which output of `from`
  shape: number[];
}

export interface WeightInfo {
  name: string; // "conv2d/kernel"
  layer: number; // the first layer that has it
  role: string;
  trainable: boolean;
  shape: number[];
  values: Packed;
}

// ------------------------------------------------------------------ data

export interface DataInfo {
  count: number; // samples in the page
  total: number; // samples that evaluation is about
  exact: boolean; // false: inputs were rounded to 8 bits to save room
  inputs: Packed[]; // one for each input: [count, ...shape]
  labels: number[] | null; // true class of each, or null
  predicted: number[]; // the most probable class of each in Python; [] if there are no classes
  outputs: Packed; // [count, ...shape of output 0] as Python computed them (float32)
  names: string[]; // names of samples (files), or []
  texts: (string[][] | null)[]; // of inputs that are text: those of each sample; else null
  targets: number[][] | null; // what is true of each sample, where output 0 gives few numbers
}

export interface Evaluation {
  classes: number;
  accuracy: number; // over all `total`
  confusion: number[][]; // [true][predicted], counts over all `total`
  worst: Mistake[]; // most confident mistakes first; their samples are all in the page
  calibration: { bins: CalibrationBin[]; error: number }; // expected calibration error
}

export interface Mistake {
  sample: number;
  label: number;
  predicted: number;
  probability: number; // of the predicted class
}

/** How near a model's numbers are, where its first output gives numbers and not classes. */
export interface Regression {
  numbers: { mae: number; rmse: number; r2: number | null }[]; // of each number that comes out, over all `total`
  points: [number, number][][]; // of each: [true, answer] of some samples, all of them where they are few
  worst: { sample: number; error: number }[]; // farthest first; their samples are all in the page
}

export interface CalibrationBin {
  low: number;
  high: number;
  count: number;
  confidence: number; // mean; 0 where count is 0
  accuracy: number;
}

/** For each channel (maps, sequences) or unit (vectors) of a layer's first output. */
export interface TopInfo {
  layer: number;
  samples: number[][]; // [channel][up to 9], greatest activation first; numbers in payload.data
  activations: number[][]; // their greatest activation in that channel
  places: number[][][]; // [channel][k]: place of it on the map: [row, column], [step] or []
}

export interface LayerStatistics {
  low: number; // over the data's samples
  high: number;
  mean: number;
  dead: number[]; // channels (or units) of a rectified layer that were 0 for all samples; [] elsewhere
}

export interface Precomputed {
  layer: number;
  output: number;
  samples: number[]; // for these samples
  values: Packed; // [samples, ...shape]
  reason: string; // why the page does not compute it, a sentence
}

export interface Recording {
  epochs: number[]; // the epochs recorded, counted from 0; "before training" is -1 where recorded
  metrics: { [name: string]: (number | null)[] }; // per epoch of training (all of them): loss, val_loss, ...
  weights: ({ weight: number; values: Packed } | null)[]; // values: [epochs, ...shape]; coding "bytes" where bits is 8
  bits: 8 | 32;
  histograms: Histogram[];
  gradientNorms: { layer: string; norms: (number | null)[] }[]; // per recorded epoch
}

export interface Histogram {
  weight: number;
  low: number[]; // per recorded epoch
  high: number[];
  counts: number[][]; // [epoch][bin], bins of equal width from low to high
}

// ------------------------------------------------------------------ program

/** Our staged graph for a batch of one. Values are numbered: inputs, weights, constants, then results of steps. */
export interface Program {
  values: { shape: number[]; dtype: DType }[];
  inputs: number[]; // values of the model's inputs, in order of payload.inputs; -1: text, which is no value
  texts: { input: number; value: number; reader: TextReader }[]; // values that text is read into
  weights: number[]; // values of payload.weights, in order
  constants: { value: number; array: Packed }[];
  steps: Step[];
  outputs: number[]; // values of payload.outputs
  /** Gradients: `score` is the sum over classes of seed * (score before the softmax) of output 0; of maps and
   *  sequences of classes it is a class's score summed over all places. */
  gradient: {
    seed: number; // an input value, of shape [1, classes]
    score: number; // the value of the scores [1, classes]
    inputs: number[]; // d score / d input, in order of inputs; of tokens by their vectors, [1, steps, size]; -1: none
    layers: number[]; // d score / d first output of each layer; -1 where there is none
  } | null;
}

/** How a layer reads text: see src/engine/text.ts. */
export interface TextReader {
  standardize: "lower_and_strip_punctuation" | "lower" | "strip_punctuation" | null;
  split: "whitespace" | "character" | null;
  ngrams: number[] | null; // sizes
  mode: "int" | "multi_hot" | "count" | "tf_idf";
  words: string[];
  first: number; // number of the first word
  unknown: number; // number of all that are no words
  mask: string | null; // what stands for nothing
  maskNumber: number; // -1: it counts nowhere
  weights: Packed | null; // of tf_idf
}

/** A primitive of minikeras' engine, by its name; src/engine/primitives/ has a row for each. */
export interface Step {
  op: string;
  in: number[];
  out: number[];
  static: { [key: string]: Static };
}
export type Static = Json | Body;

/** A loop's body or a branch: its own numbers for its values. */
export interface Body {
  body: true;
  values: { shape: number[]; dtype: DType }[];
  inputs: number[];
  constants: { value: number; array: Packed }[];
  steps: Step[];
  outputs: number[];
}

// ------------------------------------------------------------------ engine

/** One sample: an array for each input, without the batch axis. */
export interface Sample {
  inputs: Tensor[]; // of text: of no meaning
  texts?: (string[] | null)[]; // of inputs that are text
}

export interface RunResult {
  /** [layer][output]; null where it cannot be computed (not live, and no precomputed value of `known`). */
  layers: (Tensor | null)[][];
  /** [layer][part] */
  parts: (Tensor | null)[][];
  outputs: (Tensor | null)[];
  milliseconds: number;
}

/** Places that a unit depends on. */
export interface Field {
  layer: number;
  output: number;
  mask: Uint8Array; // flat, of the output's shape: 1 where the unit depends on the place
  count: number; // of ones
  /** The box around it, [first, last] for each axis of the shape. Its inside may have holes. */
  box: [number, number][];
}

export interface ReceptiveField {
  inputs: (Field | null)[]; // on each input of the model; null where it depends on none of it
  layers: (Field | null)[]; // on each layer between, the unit's own included; null where it is not on the way
}

/** One multiply-add, or one value that is looked at. */
export interface Term {
  place: number[]; // index tuple in the argument's shape
  argument: number; // which of LayerInfo.arguments (0 but for merges)
  inside: boolean; // false: padding, whose input is 0 (max pooling: ignored)
  input: number;
  weight: number; // 1 / count for average pooling, 1 where it is only looked at
  product: number;
}

export interface Explanation {
  layer: number;
  unit: number[];
  /** sum: terms' products added, then bias, then activation. max: the greatest input. scale: input * weight + bias
   *  (normalization). copy: the unit is one input's value. values: only the inputs and the result are shown. */
  how: "sum" | "max" | "scale" | "copy" | "values";
  source: number; // the layer whose output the places of argument 0 are in; -1 where it is of no layer
  terms: Term[]; // in row-major order of the window, channels last; at most `most` (then `total` is greater)
  total: number; // number of terms
  /** The window as the page may draw it: sizes of the terms' grid, e.g. [3, 3, 8]: kernel rows, columns, channels. */
  grid: number[];
  sum: number;
  bias: number;
  preactivation: number;
  activation: string | null;
  output: number; // equals the layer's value
  note: string; // a sentence for the reader
}

export interface TopSample {
  sample: number;
  activation: number;
  place: number[]; // on the map
}

/** A map over an input; signed for saliency, >= 0 for Grad-CAM. */
export interface HeatMap {
  rows: number;
  columns: number;
  values: Float32Array; // rows * columns (tokens and sequences: 1 row)
  low: number;
  high: number;
}

/** How to reach the weights: of the model as it is, or as it was after a recorded epoch. */
export type Epoch = number | "final"; // number: an index into Recording.epochs

export interface EngineApi {
  /** All layers' values for a sample. `known`: its number in payload.data, where it is unchanged. */
  run(sample: Sample, known?: number | null): Promise<RunResult>;
  /** A sample of the page, as arrays. */
  sample(number: number): Promise<Sample>;
  /** What a unit of a layer's first output depends on. */
  receptiveField(layer: number, unit: number[]): Promise<ReceptiveField>;
  /** How a unit's value comes about, for the sample of the last run. */
  explain(layer: number, unit: number[], most?: number): Promise<Explanation>;
  /** The samples that excite a channel (or unit of a vector) most; from payload.top with the final weights, else computed. */
  topSamples(layer: number, channel: number, count?: number): Promise<TopSample[]>;
  /** d score of the class / d input, for the last run's sample; colour channels by their greatest absolute value,
   *  tokens by the length of the gradient by their vectors. */
  saliency(target: number, input?: number): Promise<HeatMap>;
  /** Grad-CAM on a layer with maps (default: the last one), at the map's own size. */
  gradCam(target: number, layer?: number | null): Promise<HeatMap & { layer: number }>;
  /** How much the class's output falls when a window of the input is covered. `onProgress` gets 0 to 1. */
  occlusion(target: number, options?: OcclusionOptions, onProgress?: (share: number) => void): Promise<HeatMap>;
  /** Use the weights of a recorded epoch from now on (run again afterwards). */
  weightsAtEpoch(epoch: Epoch): Promise<void>;
  /** Arrays of the weights in use now. */
  weight(number: number): Promise<Tensor>;
  /** A drawing, prepared as MNIST's pictures were: see src/engine/centre.ts. */
  centre(drawing: Drawing): Promise<Tensor>;
  /** Stop what goes on (occlusion, topSamples) as soon as possible; its promise is rejected with an AbortError. */
  cancel(): Promise<void>;
}

export interface OcclusionOptions {
  input?: number;
  window?: number; // side in places; default: about a seventh of the picture
  stride?: number; // default: half of the window
}

/** A drawing of any size; 0 is ground, 1 is ink. */
export interface Drawing {
  rows: number;
  columns: number;
  ink: Float32Array;
  /** What comes out: sides in pixels and whether to centre (else it is only scaled). Values are 0 to 1. */
  target: { rows: number; columns: number; centre: boolean };
}
