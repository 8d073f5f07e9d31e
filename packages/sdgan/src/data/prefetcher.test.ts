import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compile } from "../testing/cli.js";
import type { BatchPlan } from "./batch.js";
import type { LoaderState } from "./epoch-order.js";
import { example, mapped, sourceOf } from "./fixtures.js";
import { Loader } from "./loader.js";
import { PairLoader } from "./pairs.js";
import type { Prefetcher, PrefetcherOptions } from "./prefetcher.js";
import { prepare } from "./prepare.js";
import { openPrepared, type Prepared } from "./prepared.js";

type Plan = { branches: BatchPlan[]; same?: Float32Array };

/**
 * The compiled module: a worker thread's program is a separate file, which the test runner does not compile.
 */
const compiled = new URL("../../dist/data/prefetcher.js", import.meta.url).href;

let root: string;
let data: Prepared;
let makePrefetcher: (options: PrefetcherOptions<Plan>) => Prefetcher<Plan>;

beforeAll(async () => {
  compile();
  const module: typeof import("./prefetcher.js") = await import(/* @vite-ignore */ compiled);
  makePrefetcher = (options) => new module.Prefetcher(options);
  root = mkdtempSync(join(tmpdir(), "sdgan-prefetcher-"));
  data = await prepared("data");
});
afterAll(() => rmSync(root, { recursive: true }));

async function prepared(name: string, memoryLimit?: number): Promise<Prepared> {
  const examples = Array.from({ length: 7 }, (_, i) => example(String(i), () => mapped(i, 19)));
  await prepare(sourceOf(examples), { out: join(root, name), size: 16 });
  return openPrepared(join(root, name), memoryLimit === undefined ? {} : { memoryLimit });
}

interface Changed {
  workers?: number;
  of?: Prepared;
  Kind?: typeof Loader | typeof PairLoader;
}

function prefetcherOf({ workers = 1, of = data, Kind = PairLoader }: Changed = {}): Prefetcher<Plan> {
  const options = {
    data: of,
    split: "train" as const,
    batch: 4,
    maxWords: 5,
    crop: true,
    flip: true,
    seed: 1,
  };
  const planner = new Kind(options);
  return makePrefetcher({ planner, data: of, split: "train", sizes: [4, 8, 16], workers });
}

/** The next batches with copies of their images, and the prefetcher's state after each. */
async function take(prefetcher: Prefetcher<Plan>, count: number) {
  const taken: object[] = [];
  for (let i = 0; i < count; i++) {
    const { images, ...plan } = await prefetcher.next();
    const copies = images.map(({ size, values }) => ({ size, values: values.slice() }));
    taken.push({ ...plan, images: copies, state: prefetcher.state(), epoch: prefetcher.epoch });
  }
  return taken;
}

describe("Prefetcher", () => {
  it.each([Loader, PairLoader])("returns the same batches for any number of workers: %o", async (Kind) => {
    const onDisk = await prepared(`disk-${Kind.name}`, 0);
    const expected = await take(prefetcherOf({ workers: 0, Kind }), 12);
    for (const changed of [
      { workers: 1 },
      { workers: 3 },
      { workers: 0, of: onDisk },
      { workers: 3, of: onDisk },
    ]) {
      await using prefetcher = prefetcherOf({ Kind, ...changed });
      expect(await take(prefetcher, 12)).toEqual(expected);
    }
    onDisk.close();
  });

  it.each([0, 1, 3])("continues from a state with exactly the same batches, %i workers", async (workers) => {
    await using whole = prefetcherOf({ workers: 0 });
    const states: LoaderState[] = [whole.state()];
    const batches: object[] = [];
    for (let i = 0; i < 9; i++) {
      batches.push(...(await take(whole, 1)));
      states.push(whole.state());
    }
    await using prefetcher = prefetcherOf({ workers });
    for (const from of [0, 5, 2, 7]) {
      // Batches of the previous state are still in progress.
      prefetcher.restore(JSON.parse(JSON.stringify(states[from])));
      expect(prefetcher.state()).toEqual(states[from]);
      expect(await take(prefetcher, 2)).toEqual(batches.slice(from, from + 2));
      expect(prefetcher.state()).toEqual(states[from + 2]);
    }
  });

  it.each([
    [0, 1],
    [1, 3],
    [3, 4],
  ])("with %i workers, at most %i batches are in memory", async (workers, most) => {
    await using prefetcher = prefetcherOf({ workers });
    const memory = new Set<unknown>();
    for (let i = 0; i < 30; i++)
      for (const { values } of (await prefetcher.next()).images) memory.add(values.buffer);
    expect(memory.size).toBeLessThanOrEqual(3 * most);
  });

  it("rejects sizes that images cannot be averaged to", async () => {
    const planner = new Loader({
      ...{ data, split: "train", batch: 4, maxWords: 5, crop: true, flip: true, seed: 1 },
    });
    await using prefetcher = makePrefetcher({ planner, data, split: "train", sizes: [5], workers: 1 });
    await expect(prefetcher.next()).rejects.toThrow("images of 16 pixels cannot be averaged to 5");
  });
});

describe("Prefetcher, on errors", () => {
  it.each([0, 1, 3])("names a truncated file, with %i workers", async (workers) => {
    const cut = await prepared(`cut-${workers}`, 0);
    const file = join(root, `cut-${workers}`, "train.pixels");
    await using prefetcher = prefetcherOf({ workers, of: cut });
    await prefetcher.next();
    truncateSync(file, 1000);
    const drained = take(prefetcher, 5);
    await expect(drained).rejects.toMatchObject({ name: "UserError" });
    await expect(drained).rejects.toThrow(`${file}: ends before byte`);
    cut.close();
  });

  it("continues to read a file that was deleted or replaced", async () => {
    const gone = await prepared("gone", 0);
    const expected = await take(prefetcherOf({ workers: 0 }), 8);
    await using prefetcher = prefetcherOf({ of: gone });
    rmSync(join(root, "gone"), { recursive: true });
    expect(await take(prefetcher, 8)).toEqual(expected);
    gone.close();
  });

  it("reports a thread that ended, with the file that it read", async () => {
    const { train } = data.splits;
    const broken = { ...train, stored: { ...train.stored, held: 987_654 } }; // No such descriptor.
    await using prefetcher = prefetcherOf({ of: { ...data, splits: { ...data.splits, train: broken } } });
    for (let i = 0; i < 2; i++) {
      const next = prefetcher.next();
      await expect(next).rejects.toMatchObject({ name: "UserError" });
      await expect(next).rejects.toThrow(/train\.pixels: the thread that reads it ended \(EBADF.*--resume/);
    }
  });

  it("rejects after it was disposed of, instead of waiting", async () => {
    const prefetcher = prefetcherOf();
    await prefetcher.next();
    await prefetcher[Symbol.asyncDispose]();
    await expect(take(prefetcher, 4)).rejects.toThrow("were stopped");
  });
});

it("a process ends while a prefetcher that was not disposed of has batches in progress", async () => {
  const load = (name: string) => JSON.stringify(new URL(`../../dist/data/${name}.js`, import.meta.url).href);
  const program = `
    import { Prefetcher } from ${load("prefetcher")};
    import { Loader } from ${load("loader")};
    import { openPrepared } from ${load("prepared")};
    const data = openPrepared(${JSON.stringify(join(root, "data"))});
    const planner = new Loader({ data, split: "train", batch: 4, maxWords: 5, crop: true, flip: true, seed: 1 });
    const prefetcher = new Prefetcher({ planner, data, split: "train", sizes: [16], workers: 3 });
    await prefetcher.next();
    console.log("done");`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
    timeout: 20_000,
  });
  expect(stdout).toBe("done\n");
});
