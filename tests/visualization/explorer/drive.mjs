// Runs the engine that is shipped in a page: node drive.mjs PAGE < requests > answers
//
// Requests are lines of JSON, [method, ...values]; ["load", "FILE"] loads a payload from a file. {"$": n} in values stands for the result of request n.
// Answers are lines of JSON; arrays in them are {"$array": base64 of doubles}.

import { readFileSync } from "node:fs";
import vm from "node:vm";

const page = readFileSync(process.argv[2], "utf8");
const script = /<script type="text\/plain" id="engine">([\s\S]*?)<\/script>/.exec(page);
if (!script) throw new Error("the page holds no engine");

const waiting = new Map();
globalThis.self = {
  postMessage: (answer) => waiting.get(answer.id)(answer),
};
vm.runInThisContext(script[1], { filename: "engine" });

let count = 0;
function ask(method, values) {
  const id = count++;
  return new Promise((resolve, reject) => {
    waiting.set(id, (answer) => {
      if ("progress" in answer) return;
      if ("error" in answer) reject(Object.assign(new Error(answer.error), { name: answer.name }));
      else resolve(answer.result);
    });
    self.onmessage({ data: { id, method, values } });
  });
}

const encode = (key, value) =>
  ArrayBuffer.isView(value) ? { $array: Buffer.from(Float64Array.from(value).buffer).toString("base64") } : value;

const results = [];
function filled(value) {
  if (Array.isArray(value)) return value.map(filled);
  if (value && typeof value === "object") {
    if ("$" in value) return results[value.$];
    if ("$array" in value) {
      const bytes = Buffer.from(value.$array, "base64");
      return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    }
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, filled(v)]));
  }
  return value;
}

for (const line of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const [method, ...values] = JSON.parse(line);
  let answer;
  try {
    const given = method === "load" && typeof values[0] === "string" ? [JSON.parse(readFileSync(values[0], "utf8"))] : filled(values);
    results.push(await ask(method, given));
    answer = { result: results.at(-1) };
  } catch (error) {
    results.push(null);
    answer = { error: `${error.name}: ${error.message}` };
  }
  console.log(JSON.stringify(answer, encode));
}
