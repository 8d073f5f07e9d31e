import { availableParallelism } from "node:os";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { compile, resultOf } from "./testing/compiled.js";

/** The process's environment, and the processors of each of its threads. */
const look = `
import { readdirSync, readFileSync } from "node:fs";
const look = () => ({
  environment: { ...process.env },
  processors: [...new Set(readdirSync("/proc/self/task").map((task) =>
    /^Cpus_allowed_list:\\s*(.*)$/m.exec(readFileSync("/proc/self/task/" + task + "/status", "utf8"))[1]))],
});
/** MiB that the process keeps when it frees a tensor of 256 MiB. */
const kept = ({ ones }) => {
  const before = process.memoryUsage.rss();
  ones([2 ** 26]).dispose();
  return (process.memoryUsage.rss() - before) / 2 ** 20;
};
/** Starts all of libtorch's threads. */
const compute = ({ ones }) => ones([1000, 1000]).matmul(ones([1000, 1000])).dispose();`;

/** An environment without variables for threads and memory. */
const { OMP_NUM_THREADS, OMP_PROC_BIND, GOMP_SPINCOUNT, ...plain } = process.env;
const cores = availableParallelism();

// Separate processes that load libtorch: seconds, and more on a busy machine.
vi.setConfig({ testTimeout: 180_000 });
beforeAll(compile);

describe.runIf(process.platform === "linux")("importing @sdgan/torch", () => {
  it("does not change the environment, any thread's processors, or the handling of freed memory", async () => {
    const { before, after, mebibytes } = (await resultOf(
      `${look}
      const before = look();
      const torch = await import("@sdgan/torch");
      compute(torch);
      console.log(JSON.stringify({ before, after: look(), mebibytes: kept(torch) }));`,
      plain,
    )) as Record<string, never>;
    expect(after).toEqual(before);
    expect(mebibytes).toBeLessThan(64);
  });
});

describe.runIf(process.platform === "linux")("tuneProcess", () => {
  it("binds threads, keeps memory, and does not change the environment", async () => {
    const { before, after, threads, mebibytes } = (await resultOf(
      `${look}
      const before = look();
      const { tuneProcess } = await import("@sdgan/torch/host");
      tuneProcess();
      const torch = await import("@sdgan/torch");
      compute(torch);
      console.log(JSON.stringify({ before, after: look(), threads: torch.threads(), mebibytes: kept(torch) }));`,
      plain,
    )) as Record<string, { environment: object; processors: string[] }>;
    expect(after!.environment).toEqual(before!.environment);
    expect(threads).toBe(cores);
    // Each core has a thread that is bound to it.
    expect(after!.processors.filter((list) => /^\d+$/.test(list))).toHaveLength(cores);
    expect(mebibytes).toBeGreaterThan(200);
  });

  it("applies only the requested options", async () => {
    const { same, threads, mebibytes } = (await resultOf(
      `${look}
      const { processors } = look();
      const { tuneProcess } = await import("@sdgan/torch/host");
      tuneProcess({ threads: ${cores + 1}, bindThreads: false, keepMemory: false });
      const torch = await import("@sdgan/torch");
      compute(torch);
      const same = look().processors.join() === processors.join();
      console.log(JSON.stringify({ same, threads: torch.threads(), mebibytes: kept(torch) }));`,
      { ...plain, OMP_NUM_THREADS: "1" },
    )) as Record<string, unknown>;
    expect([same, threads]).toEqual([true, cores + 1]);
    expect(mebibytes).toBeLessThan(64);
  });

  it("refuses late calls: after an import, a second time, and from a Worker", async () => {
    const attempt = `
      const attempt = (tuneProcess) => {
        try {
          tuneProcess();
          return "taken";
        } catch (error) {
          return error.message;
        }
      };`;
    const late = `tuneProcess: libtorch is already loaded in this process`;
    const behindImport = await resultOf(`${attempt}
      await import("@sdgan/torch");
      const { tuneProcess } = await import("@sdgan/torch/host");
      console.log(JSON.stringify(attempt(tuneProcess)));`);
    expect(behindImport).toContain(late);
    expect(behindImport).toContain("before the first import of @sdgan/torch");
    const twice = await resultOf(`${attempt}
      import { once } from "node:events";
      import { Worker } from "node:worker_threads";
      const { tuneProcess } = await import("@sdgan/torch/host");
      const results = [attempt(tuneProcess), attempt(tuneProcess)];
      const code = ${JSON.stringify(`${attempt}
        import("@sdgan/torch/host").then(({ tuneProcess }) =>
          require("node:worker_threads").parentPort.postMessage(attempt(tuneProcess)));`)};
      results.push((await once(new Worker(code, { eval: true, execArgv: [] }), "message"))[0]);
      console.log(JSON.stringify(results));`);
    expect(twice).toEqual(["taken", expect.stringContaining(late), expect.stringContaining(late)]);
  });

  it("refuses invalid numbers of threads before it loads libtorch", async () => {
    const result = await resultOf(`
      const { tuneProcess, libtorchIsLoaded } = await import("@sdgan/torch/host");
      const messages = [0, 1.5, 2000, "2"].map((threads) => {
        try {
          tuneProcess({ threads });
        } catch (error) {
          return error.message;
        }
      });
      console.log(JSON.stringify([messages, libtorchIsLoaded()]));`);
    expect(result).toEqual([
      ["0", "1.5", "2000", "2"].map((found) => `tuneProcess: threads: expected 1 to 1024, found ${found}`),
      false,
    ]);
  });
});
