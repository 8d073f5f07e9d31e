/** For tests: runs ONNX models in onnxruntime, and compares them with the functions that they were exported from. */
import { InferenceSession, Tensor as RuntimeTensor } from "onnxruntime-node";
import { expect } from "vitest";
import { noGrad } from "../autograd.js";
import type { Exportable, OnnxOptions } from "../onnx/export.js";
import { exportOnnx } from "../onnx/index.js";
import type { Tensor } from "../tensor.js";

export type Agreement = Partial<OnnxOptions> & {
  /** Other inputs than the examples, for the exported model. */
  also?: readonly (readonly Tensor[])[];
  tolerance?: number;
};

/** Exports a function of tensors, and expects its results for the examples, and for other inputs, from onnxruntime. */
export async function expectAgreement(
  network: Exportable,
  examples: readonly Tensor[],
  { also = [], tolerance = 1e-5, ...options }: Agreement = {},
): Promise<Uint8Array> {
  const call = (inputs: readonly Tensor[]): readonly Tensor[] =>
    noGrad(() => [typeof network === "function" ? network(...inputs) : network.forward(...inputs)].flat());
  const inputs = options.inputs ?? examples.map((_, i) => `input${i}`);
  const outputs = options.outputs ?? call(examples).map((_, i) => `output${i}`);
  const file = exportOnnx(network, examples, { ...options, inputs, outputs });
  for (const given of [examples, ...also]) {
    const found = await runModel(file, Object.fromEntries(given.map((tensor, i) => [inputs[i]!, tensor])));
    for (const [i, own] of call(given).entries()) {
      const { dims, values, type } = found[outputs[i]!]!;
      expect([dims, type]).toEqual([own.shape, own.dtype]);
      const expected = own.toNumbers();
      const worst = expected.reduce(
        (most, value, at) => Math.max(most, value === values[at] ? 0 : Math.abs(value - values[at]!)),
        0,
      );
      expect(
        worst,
        `${outputs[i]}: ${values.slice(0, 8)}, expected ${expected.slice(0, 8)}`,
      ).toBeLessThanOrEqual(tolerance);
    }
  }
  return file;
}

/** The outputs of a model. */
export async function runModel(
  file: Uint8Array,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Record<string, { dims: number[]; type: string; values: number[] }>> {
  const session = await InferenceSession.create(file, { executionProviders: ["cpu"], logSeverityLevel: 3 });
  try {
    const given = Object.entries(inputs).map(([name, tensor]) => [
      name,
      new RuntimeTensor(tensor.dtype as "float32", tensor.toArray() as Float32Array, tensor.shape),
    ]);
    const results = await session.run(Object.fromEntries(given));
    return Object.fromEntries(
      Object.entries(results).map(([name, { dims, type, data }]) => [
        name,
        { dims: [...dims], type, values: Array.from(data as Float32Array, Number) },
      ]),
    );
  } finally {
    await session.release();
  }
}
