import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { pathOfAddon } from "./addon-path.js";

const addon = pathOfAddon();

/** Runs in a Worker: tensors of its own class, gradients and threads, then either an end or an endless loop. */
const work = `
const native = require(${JSON.stringify(addon)});
const { parentPort, workerData } = require("node:worker_threads");
class Own extends native.Tensor {}
native.setTensorClass(Own);
native.setThreads(2);
const [ones, matmul, sum] = ["aten::ones", "aten::matmul", "aten::sum"].map(native.operator);
for (let i = 0; i < 500; i++) native.account(native.call(ones, [100, 100]));
const x = native.call(ones, [64, 64]);
native.setRequiresGrad(x, true);
const y = native.call(matmul, x, x);
native.backward([native.call(sum, y)], null, false, false);
const right = y instanceof Own && native.shape(y).join() === "64,64" && native.gradient(x) instanceof Own;
parentPort.postMessage(right);
if (workerData === "endless") for (;;) native.withoutGrad(() => native.call(matmul, y, y));
`;

/** Workers before the main thread has loaded the addon, many at once, and killed while they work; then the main thread. */
const program = `
const { Worker } = require("node:worker_threads");
const start = (workerData) => new Worker(${JSON.stringify(work)}, { eval: true, workerData });
const message = (worker) => new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
const end = (worker) => new Promise((resolve) => worker.once("exit", resolve));
(async () => {
  const results = [];
  for (let i = 0; i < 2; i++) {
    const worker = start("");
    const ended = end(worker);
    results.push(await message(worker));
    await ended;
  }
  const many = [1, 2, 3, 4].map(() => start("endless"));
  results.push(...(await Promise.all(many.map(message))));
  await Promise.all(many.map((worker) => worker.terminate()));
  const native = require(${JSON.stringify(addon)});
  const x = native.call(native.operator("aten::ones"), [256, 256]);
  native.call(native.operator("aten::matmul"), x, x);
  results.push(native.shape(x).join() === "256,256" && x instanceof native.Tensor);
  const late = start("endless");
  results.push(await message(late));
  console.log(JSON.stringify(results));
  // It still runs while the process ends.
  process.exit(0);
})();
`;

it("Workers make their own tensors, and can end or be terminated", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", program], { timeout: 60_000 });
  expect(JSON.parse(stdout)).toEqual(Array(8).fill(true));
});
