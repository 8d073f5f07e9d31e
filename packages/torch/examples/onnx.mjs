// Exports the spirals' network to ONNX, and classifies their points with onnxruntime instead of libtorch.
import { tensor } from "@sdgan/torch";
import { exportOnnx } from "@sdgan/torch/onnx";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { classes, network, points } from "./spirals.mjs";

const file = exportOnnx(network, [points], {
  inputs: ["points"],
  outputs: ["logits"],
  dynamicAxes: { points: { 0: "count" } }, // any number of points
});

const session = await InferenceSession.create(file);
const { logits } = await session.run({ points: new Tensor("float32", points.toArray(), points.shape) });
const found = tensor(logits.data, { shape: logits.dims }).argmax(1);
const right = found.eq(classes).to("float32").mean().item();
console.log(`${file.length} bytes, ${(100 * right).toFixed(1)} % classified correctly by onnxruntime`);
