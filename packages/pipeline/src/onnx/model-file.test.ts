import { describe, expect, it } from "vitest";
import { hostileNetworks } from "../testing/hostile-networks.js";
import { bytes, modelFile, node, number, port, tensor } from "../testing/onnx-file.js";
import { textEncoder, textInputs, textOutputs } from "../testing/tiny-model.js";
import { FLOAT, INT64, OnnxError, readOutline } from "./model-file.js";

describe("the outline of an ONNX file", () => {
  it("has names, types and shapes of inputs and outputs", () => {
    expect(readOutline(textEncoder())).toEqual({
      inputs: [
        { name: "tokens", type: INT64, shape: [undefined, undefined] },
        { name: "lengths", type: INT64, shape: [undefined] },
      ],
      outputs: [
        { name: "words", type: FLOAT, shape: [undefined, 5, undefined] },
        { name: "sentence", type: FLOAT, shape: [undefined, 5] },
      ],
    });
  });

  it("accepts tensors in every form, and graphs in graphs", () => {
    const one = Float32Array.of(1);
    const typed = bytes(
      5,
      number(1, 2),
      number(2, 7),
      bytes(8, "numbers"),
      bytes(7, Uint8Array.of(5, 0xac, 0x02)),
    );
    const branch = bytes(
      5,
      bytes(1, "then_branch"),
      bytes(6, node("Abs", ["a"], ["b"]), tensor("c", [1], one)),
    );
    const file = modelFile([
      ...[tensor("scalar", [], one), tensor("none", [0, 7], new Float32Array()), typed],
      node("If", ["condition"], ["b"], { attributes: [branch] }),
      node("Constant", [], ["d"], { attributes: [bytes(5, bytes(1, "value"), tensor("e", [1], one))] }),
      ...[...textInputs, ...textOutputs],
    ]);
    expect(readOutline(file).inputs).toHaveLength(2);
    expect(readOutline(modelFile([port(11, "a", 1, [2 ** 40])])).inputs[0]!.shape).toEqual([2 ** 40]);
  });

  it.each(Object.entries(hostileNetworks))("refuses %s", (_, { file, found }) => {
    expect(() => readOutline(file)).toThrow(OnnxError);
    expect(() => readOutline(file)).toThrow(found);
  });

  it("refuses every shorter part of a file", () => {
    const file = textEncoder();
    for (let length = 0; length < file.length; length++)
      expect(() => readOutline(file.subarray(0, length)), `${length} bytes`).toThrow(OnnxError);
  });

  it("survives any byte in any place", () => {
    const file = textEncoder();
    for (let at = 0; at < file.length; at++)
      for (const flip of [1, 0x80, 0xff]) {
        const changed = file.slice();
        changed[at]! ^= flip;
        try {
          readOutline(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(OnnxError);
        }
      }
  });
});
