import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Runs } from "./runs.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-runs-"));
  for (const run of ["all/b", "all/a", "other/a"]) {
    mkdirSync(join(folder, run, "samples"), { recursive: true });
    writeFileSync(join(folder, run, "config.yaml"), "");
  }
  mkdirSync(join(folder, "all/no run"));
  const lines = Array.from({ length: 3000 }, (_, i) => `{"step":${i + 1},"loss":${i / 2}}`);
  writeFileSync(join(folder, "all/a/metrics.jsonl"), `${lines.join("\n")}\nnot json\n{"step":3001,"lo`);
  for (const name of ["step-0000200.png", "step-0000030.png", "step-1.png", "other.png"])
    writeFileSync(join(folder, "all/a/samples", name), name);
});
afterAll(() => rmSync(folder, { recursive: true }));

const runs = () =>
  new Runs({ runs: [join(folder, "other/a"), join(folder, "gone")], folders: [join(folder, "all")] });

it("lists run folders by ids of their own", async () => {
  expect([...(await runs().list())]).toEqual([
    ["a", join(folder, "other/a")],
    ["a-2", join(folder, "all/a")],
    ["b", join(folder, "all/b")],
  ]);
});

it("lists a training before it has files, and keeps the ids when others of its name appear", async () => {
  const [early, late] = ["early", "late"].map((name) => join(folder, name)) as [string, string];
  const known = new Runs({ runs: [], folders: [early, late] });
  const damsm = join(late, "mine/damsm");
  expect([...(await known.list([damsm]))]).toEqual([["mine/damsm", damsm]]);
  mkdirSync(join(early, "mine"), { recursive: true });
  writeFileSync(join(early, "mine/config.yaml"), "");
  expect(await known.list([damsm])).toEqual(
    new Map([
      ["mine/damsm", damsm],
      ["mine-2", join(early, "mine")],
    ]),
  );
  expect((await known.list([damsm, join(late, "mine")])).get("mine")).toBe(join(late, "mine"));
});

it("lists a run once that is given twice", async () => {
  const twice = new Runs({ runs: [join(folder, "all/a")], folders: [join(folder, "all")] });
  expect([...(await twice.list()).keys()]).toEqual(["a", "b"]);
});

it("asks for the steps of DAMSMs alone", () => {
  const damsmSteps = (each: string) => each.length;
  const known = new Runs({ runs: [], folders: [], damsmSteps });
  expect([known.damsmSteps("a/damsm"), known.damsmSteps("a")]).toEqual([7, undefined]);
  expect(runs().damsmSteps("a/damsm")).toBeUndefined();
});

it("reads metrics after a step, in answers of bounded length", async () => {
  const a = join(folder, "all/a");
  const all = await runs().read(a, 0);
  expect([all.metrics.length, all.more, all.metrics.at(-1)]).toEqual([
    3000,
    false,
    { step: 3000, loss: 1499.5 },
  ]);
  const rest = await runs().read(a, 2000);
  expect([rest.metrics[0]!.step, rest.metrics.at(-1)!.step]).toEqual([2001, 3000]);
  expect((await runs().read(a, 3000)).metrics).toEqual([]);
  expect(await runs().read(join(folder, "all/b"), 0)).toEqual({ metrics: [], more: false, samples: [] });
  const row = (step: number) => JSON.stringify({ step, text: "x".repeat(1000) });
  const long = join(folder, "all/long");
  mkdirSync(long);
  writeFileSync(
    join(long, "metrics.jsonl"),
    Array.from({ length: 2000 }, (_, i) => `${row(i + 1)}\n`).join(""),
  );
  const first = await runs().read(long, 0);
  expect(first.more).toBe(true);
  const { length } = JSON.stringify(first.metrics);
  expect([length > 2 ** 20, length < 2 ** 20 + 5000]).toEqual([true, true]);
  const last = await runs().read(long, first.metrics.length);
  expect([last.more, last.metrics[0]!.step, last.metrics.at(-1)!.step]).toEqual([
    ...[false, first.metrics.length + 1, 2000],
  ]);
});

it("finds samples by their step", async () => {
  const a = join(folder, "all/a");
  expect((await runs().read(a, 0)).samples).toEqual([30, 200]);
  expect(await runs().sample(a, 200)).toBe(join(a, "samples/step-0000200.png"));
  expect(await runs().sample(a, 1)).toBeUndefined();
});
