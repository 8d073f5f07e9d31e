import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { processors } from "./addon.js";
import { native } from "./native.js";
import { withAllCores } from "./runtime.js";

/** The processors that a thread may run on, as Linux lists them. */
const readAllowed = `
/^Cpus_allowed_list:\\s*(.*)$/m.exec(require("node:fs").readFileSync("/proc/thread-self/status", "utf8"))[1]`;

function allowed(): string {
  return /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync("/proc/thread-self/status", "utf8"))![1]!;
}

async function allowedInWorker(start: (make: () => Worker) => Worker): Promise<string> {
  const code = `require("node:worker_threads").parentPort.postMessage(${readAllowed})`;
  const [list] = await once(
    start(() => new Worker(code, { eval: true })),
    "message",
  );
  return list;
}

describe.runIf(process.platform === "linux")("withAllCores", () => {
  const all = allowed();
  const first = processors[0]!;
  /** Like libtorch with one thread per core: binds this thread to one core. */
  const bound = <T>(fn: () => T): T => native.onProcessors([first], fn);

  it("gives a bound thread all cores, and binds it again", () => {
    bound(() => {
      expect(allowed()).toBe(String(first));
      expect(withAllCores(allowed)).toBe(all);
      expect(() =>
        withAllCores(() => {
          throw new RangeError("from inside");
        }),
      ).toThrow(RangeError);
      expect(allowed()).toBe(String(first));
    });
    expect(allowed()).toBe(all);
  });

  it("lets a Worker started inside run on every core", async () => {
    expect(await allowedInWorker((make) => bound(make))).toBe(String(first));
    expect(await allowedInWorker((make) => bound(() => withAllCores(make)))).toBe(all);
  });

  it("refuses an asynchronous function", () => {
    expect(() => withAllCores(async () => 1)).toThrow(/withAllCores: its function is asynchronous/);
  });
});

it("runs a function if no processor is known", () => {
  expect(native.onProcessors([], () => 7)).toBe(7);
});
