// Measures the overhead of a call, with tensors so small that the arithmetic takes no time.
import { functional, noGrad, ones, scope, setThreads } from "@sdgan/torch";

setThreads(1);
const x = ones([2, 3]);
const weight = ones([3, 3]);

/** Microseconds per call: the minimum of many rounds, because other processes only add time. */
function measure(name, fn, { rounds = 30, calls = 1000 } = {}) {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    scope(() => {
      for (let i = 0; i < calls; i++) fn();
    });
    least = Math.min(least, ((performance.now() - start) * 1000) / calls);
  }
  console.log(`${name.padEnd(28)} ${least.toFixed(2)} µs`);
}

measure("x.requiresGrad", () => x.requiresGrad);
measure("x.shape", () => x.shape);
measure("x.equal(x)", () => x.equal(x));
measure("x.detach()", () => x.detach());
measure("x.add(x)", () => x.add(x));
measure("x.mul_(1)", () => x.mul_(1));
measure("linear, without gradients", () => noGrad(() => functional.linear(x, weight)));
