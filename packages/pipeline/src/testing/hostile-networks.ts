/** For tests: ONNX files that must be refused before a runtime reads them. */
import { bytes, modelFile, node, number, tensor } from "./onnx-file.js";
import { textEncoder, textInputs, textOutputs } from "./tiny-model.js";

const one = Float32Array.of(1);
const external = [bytes(13, bytes(1, "location"), bytes(2, "/etc/passwd")), number(14, 1)];
const custom = node("Run", ["tokens"], ["words"], { domain: "evil.example" });
/** A graph in an attribute of a node. */
const branch = (...graph: Uint8Array[]) =>
  node("If", ["condition"], ["b"], { attributes: [bytes(5, bytes(1, "then_branch"), bytes(6, ...graph))] });
const nested = (depth: number): Uint8Array => (depth === 0 ? custom : branch(nested(depth - 1)));
const value = (tensorMessage: Uint8Array) =>
  node("Constant", [], ["c"], { attributes: [bytes(5, bytes(1, "value"), tensorMessage)] });

/** By what they are: the file, and what the message says. */
export const hostileNetworks: Record<string, { file: Uint8Array<ArrayBuffer>; found: string }> = {
  "external data": { file: textEncoder([tensor("a", [1], one, external)]), found: "external data" },
  "external data by its location only": {
    file: textEncoder([tensor("a", [1], one, external.slice(1))]),
    found: "external data",
  },
  "external data in a constant": {
    file: textEncoder([value(tensor("a", [1], one, external))]),
    found: "external data",
  },
  "external data in a nested graph": {
    file: textEncoder([branch(tensor("a", [1], one, external))]),
    found: "external data",
  },
  "a custom operator": { file: textEncoder([custom]), found: 'of the domain "evil.example"' },
  "a custom operator in a nested graph": { file: textEncoder([nested(3)]), found: "custom operators" },
  "a custom operator set": {
    file: modelFile([...textInputs, ...textOutputs], [bytes(8, bytes(1, "com.microsoft"), number(2, 1))]),
    found: 'of the domain "com.microsoft"',
  },
  "a function": { file: modelFile([], [bytes(25, bytes(1, "f"))]), found: "functions of its own" },
  "a function's overload": {
    file: textEncoder([bytes(1, bytes(4, "Abs"), bytes(8, "x"))]),
    found: "unknown field 8",
  },
  "training information": { file: modelFile([], [bytes(20, "")]), found: "training information" },
  "a loop": { file: textEncoder([node("Loop", ["most", ""], ["a"])]), found: '"Loop", which may not end' },
  "graphs in graphs in graphs": { file: textEncoder([nested(12)]), found: "nested too deeply" },
  "a sparse tensor": { file: textEncoder([bytes(15, number(3, 2 ** 40))]), found: "sparse tensors" },
  "a tensor of huge dimensions": {
    file: textEncoder([tensor("a", [2 ** 50, 2 ** 50], one)]),
    found: "do not fit",
  },
  "a tensor of a negative dimension": {
    file: textEncoder([tensor("a", [-1], one)]),
    found: "the dimension -1",
  },
  "a tensor with too little data": { file: textEncoder([tensor("a", [2], one)]), found: "do not fit" },
  "a tensor without data": { file: textEncoder([bytes(5, number(1, 9), number(2, 1))]), found: "0 bytes" },
  "a second graph": { file: modelFile([], [bytes(7, bytes(2, "b"))]), found: "two graphs" },
  "no graph": { file: Uint8Array.from(number(1, 8)), found: "no graph" },
  nothing: { file: new Uint8Array(), found: "no graph" },
  "an unknown field": { file: modelFile([], [bytes(99, "x")]), found: "unknown field 99" },
  "a group": { file: modelFile([], [Uint8Array.of(0x0b, 0x0c)]), found: "wire type 3" },
  "onnxruntime's own format": {
    file: Uint8Array.from([...[0x18, 0, 0, 0], ..."ORTM".split("").map((letter) => letter.charCodeAt(0)), 0]),
    found: "own format",
  },
  "millions of fields": {
    file: modelFile([], [new Uint8Array(6_000_000).map((_, i) => (i % 2 ? 0 : 0x08))]),
    found: "too many fields",
  },
  "a field beyond the end": { file: modelFile([], [Uint8Array.of(0x12, 0x7f)]), found: "beyond the end" },
  "a length of 2⁶³": {
    file: modelFile([], [Uint8Array.of(0x12, ...new Array(9).fill(0xff), 0x01)]),
    found: "beyond the end",
  },
  "an endless number": {
    file: modelFile([], [Uint8Array.of(0x08, ...new Array(20).fill(0xff))]),
    found: "more than ten bytes",
  },
  text: { file: new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\n"), found: "damaged" },
};
