import { describe, expect, it } from "vitest";
import type { Batch, BatchResult } from "./messages.js";
import { type Runner, Scheduler, type Wanted } from "./scheduler.js";

const limits = { queue: 6, batch: 3, waitMs: 60_000, batchMs: 60_000 };
const never = new AbortController().signal;

/** A runner whose batches end when the test says so. */
class FakeRunner implements Runner {
  readonly batches: Batch[] = [];
  #settle: { resolve(results: BatchResult["results"]): void; reject(error: Error): void } | undefined;

  get busy(): boolean {
    return this.#settle !== undefined;
  }

  run(batch: Batch): Promise<BatchResult["results"]> {
    this.batches.push(batch);
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  /** Answers the batch: the image of a job has its prompt and seed in place of pixels. */
  async finish(): Promise<void> {
    const { resolve } = this.#take();
    const image = ({ prompt, seed, number }: Batch["jobs"][number]) =>
      prompt === "unreadable"
        ? { refusal: { message: "The caption has no word.", code: "caption.empty" as const } }
        : { seed, number, png: `${prompt} ${seed} ${number}`, details: "{}" };
    resolve(this.batches.at(-1)!.jobs.map(image));
    await turn();
  }

  async die(): Promise<void> {
    this.#take().reject(new Error("killed"));
    await turn();
  }

  /** Prompts of the last batch. */
  get prompts(): string[] {
    return this.batches.at(-1)!.jobs.map(({ prompt }) => prompt);
  }

  #take() {
    const settle = this.#settle!;
    this.#settle = undefined;
    return settle;
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

function wanted(prompt: string, count = 1, more: Partial<Wanted> = {}): Wanted {
  const jobs = Array.from({ length: count }, (_, i) => ({ prompt, seed: 7, number: i + 1 }));
  return { ...{ model: 0, size: 64, stages: false, attention: false, modulation: false, jobs }, ...more };
}

const pngs = (images: readonly { png: string }[]) => images.map(({ png }) => png);

describe("requests that wait", () => {
  it("are computed together, up to the batch's size, and each gets its own images", async () => {
    const runner = new FakeRunner();
    const scheduler = new Scheduler(() => [runner], limits);
    const all = ["a", "b", "c"].map((prompt) =>
      scheduler.submit(wanted(prompt, prompt === "b" ? 2 : 1), never),
    );
    expect(runner.prompts).toEqual(["a"]);
    expect([scheduler.waiting, scheduler.running]).toEqual([3, 1]);
    await runner.finish();
    expect(runner.prompts).toEqual(["b", "b", "c"]);
    await runner.finish();
    expect((await Promise.all(all)).map(pngs)).toEqual([["a 7 1"], ["b 7 1", "b 7 2"], ["c 7 1"]]);
    await scheduler.idle();
    expect([scheduler.waiting, scheduler.running]).toEqual([0, 0]);
  });

  it("are together only with the same model, size and outputs, the oldest first", async () => {
    const runner = new FakeRunner();
    const scheduler = new Scheduler(() => [runner], limits);
    const way = { from: { prompt: "f", seed: 1 }, to: { prompt: "g", seed: 2 } };
    const asked = [
      wanted("first"),
      wanted("other model", 1, { model: 1 }),
      wanted("small", 1, { size: 32 }),
      wanted("second", 1, { model: 1 }),
      wanted("way", 1, { model: 1, between: way }),
    ];
    const all = asked.map((one) => scheduler.submit(one, never));
    const seen: string[][] = [];
    while (runner.busy) {
      seen.push(runner.prompts);
      await runner.finish();
    }
    expect(seen).toEqual([["first"], ["other model", "second"], ["small"], ["way"]]);
    expect(runner.batches.at(-1)!.between).toEqual(way);
    await Promise.all(all);
  });

  it("are shared by free runners", async () => {
    const runners = [new FakeRunner(), new FakeRunner()];
    let ready: FakeRunner[] = [];
    const scheduler = new Scheduler(() => ready, limits);
    const all = scheduler.submit(wanted("a", 4), never);
    ready = runners;
    scheduler.pump();
    expect(runners.map(({ prompts }) => prompts.length)).toEqual([2, 2]);
    await runners[1]!.finish();
    await runners[0]!.finish();
    expect(pngs(await all)).toEqual(["a 7 1", "a 7 2", "a 7 3", "a 7 4"]);
  });
});

describe("a request is refused", () => {
  it("at once when there is no place, and taken when there is one again", async () => {
    const runner = new FakeRunner();
    const scheduler = new Scheduler(() => [runner], limits);
    const first = scheduler.submit(wanted("a", 5), never);
    expect(() => scheduler.submit(wanted("b", 2), never)).toThrow(
      /5 images to generate, and takes at most 6/,
    );
    expect(() => scheduler.refuseIfFull()).not.toThrow();
    const second = scheduler.submit(wanted("c"), never);
    expect(() => scheduler.refuseIfFull()).toThrow(expect.objectContaining({ status: 503, retryAfter: 1 }));
    while (runner.busy) await runner.finish();
    await Promise.all([first, second]);
    expect(() => scheduler.refuseIfFull(6)).not.toThrow();
  });

  it("when it was not computed in time", async () => {
    const scheduler = new Scheduler(() => [new FakeRunner()], { ...limits, waitMs: 20 });
    await expect(scheduler.submit(wanted("a", 3), never)).rejects.toMatchObject({
      status: 503,
      code: "timeout",
    });
    expect(scheduler.waiting).toBe(0);
  });

  it("alone, when the model cannot read its prompt", async () => {
    const runner = new FakeRunner();
    const scheduler = new Scheduler(() => [runner], limits);
    const first = scheduler.submit(wanted("a"), never);
    const unreadable = scheduler.submit(wanted("unreadable", 2), never).catch((error) => error);
    const last = scheduler.submit(wanted("b"), never);
    await runner.finish();
    expect(runner.prompts).toEqual(["unreadable", "unreadable", "b"]);
    await runner.finish();
    expect(await unreadable).toMatchObject({ status: 400, code: "caption.empty", param: "prompt" });
    expect([pngs(await first), pngs(await last)]).toEqual([["a 7 1"], ["b 7 1"]]);
  });
});

it("a client that hangs up frees its places, and is not waited for", async () => {
  const runner = new FakeRunner();
  const scheduler = new Scheduler(() => [runner], limits);
  const stop = new AbortController();
  const gone = scheduler.submit(wanted("gone", 5), stop.signal).catch((error) => error);
  stop.abort(new Error("hung up"));
  expect((await gone).message).toBe("hung up");
  // Three were computed already; the other two have left the queue.
  expect([scheduler.waiting, scheduler.running]).toEqual([0, 3]);
  const next = scheduler.submit(wanted("next", 3), never);
  await runner.finish();
  expect(runner.prompts).toEqual(["next", "next", "next"]);
  await runner.finish();
  expect(pngs(await next)).toHaveLength(3);
  expect(() => scheduler.submit(wanted("late"), AbortSignal.abort(new Error("before")))).toThrow("before");
});

describe("a runner that ends", () => {
  it("loses nothing: its images are computed again, each alone", async () => {
    const runner = new FakeRunner();
    const scheduler = new Scheduler(() => [runner], limits);
    const all = ["a", "b", "c"].map((prompt) => scheduler.submit(wanted(prompt), never));
    await runner.finish();
    expect(runner.prompts).toEqual(["b", "c"]);
    await runner.die();
    expect(runner.prompts).toEqual(["b"]);
    await runner.finish();
    expect(runner.prompts).toEqual(["c"]);
    await runner.finish();
    expect((await Promise.all(all)).map(pngs)).toEqual([["a 7 1"], ["b 7 1"], ["c 7 1"]]);
  });

  it("twice with the same image refuses it, and no other", async () => {
    const runner = new FakeRunner();
    const scheduler = new Scheduler(() => [runner], limits);
    const deadly = scheduler.submit(wanted("deadly"), never).catch((error) => error);
    const other = scheduler.submit(wanted("other"), never);
    await runner.die();
    expect(runner.prompts).toEqual(["deadly"]);
    await runner.die();
    expect(await deadly).toMatchObject({ status: 503, retryAfter: expect.any(Number) });
    await runner.finish();
    expect(pngs(await other)).toEqual(["other 7 1"]);
  });
});
