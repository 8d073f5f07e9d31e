import { afterEach, expect, it, vi } from "vitest";
import { aligned } from "../lib/curves.js";
import { curvesOf, folderRuns, parseMetrics, serverRuns } from "./runs.js";

afterEach(() => void vi.unstubAllGlobals());

const text = [
  '{"step":10,"a/x":1,"kl":2}',
  '{"step":20,"a/x":3,"a/sum":9,"b/y":null}',
  '{"step":30,"a/',
].join("\n");

it("reads metrics without a line that is being written", () => {
  expect(parseMetrics(text).map(({ step }) => step)).toEqual([10, 20]);
  expect(parseMetrics("")).toEqual([]);
});

it("makes curves by group: sums first, without what was not measured", () => {
  const groups = curvesOf(parseMetrics(text));
  expect([...groups.keys()]).toEqual(["a (sum)", "a", "other"]);
  expect(groups.get("a")).toEqual([{ name: "a/x", steps: [10, 20], values: [1, 3] }]);
});

it("divides large groups by their second part", () => {
  const row = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`d/stage${(i % 2) + 1}/term${i}`, i]));
  expect([...curvesOf([{ step: 1, ...row }]).keys()]).toEqual(["d/stage1", "d/stage2"]);
});

it("shows a curve alone beside which the others would look flat", () => {
  const row = { "damsm/words": 8, "damsm/sentence": 7, "damsm/frechetDistance": 1400, "damsm/variety": 0.5 };
  const groups = curvesOf([{ step: 1, ...row }]);
  expect([...groups.keys()]).toEqual(["damsm", "damsm/frechetDistance"]);
  expect(groups.get("damsm")!.map(({ name }) => name)).toEqual([
    ...["damsm/words", "damsm/sentence", "damsm/variety"],
  ]);
});

it("aligns curves on their common steps", () => {
  const curve = (steps: number[]) => ({ name: "x", steps, values: steps.map((step) => step / 10) });
  expect(aligned([curve([10, 30]), curve([20, 30])])).toEqual([
    [10, 20, 30],
    [1, null, 3],
    [null, 2, 3],
  ]);
});

it("finds runs in a folder of files", async () => {
  const file = (path: string, content = "") => {
    const made = new File([content], path.split("/").at(-1)!);
    Object.defineProperty(made, "webkitRelativePath", { value: path });
    return made;
  };
  vi.stubGlobal("URL", Object.assign(URL, { createObjectURL: () => "blob:x" }));
  const source = folderRuns([
    file("runs/b/metrics.jsonl", text),
    file("runs/b/samples/step-0000200.png"),
    file("runs/b/samples/step-0000100.png"),
    file("runs/b/samples/other.png"),
    file("runs/b/damsm/metrics.jsonl", ""),
    file("runs/a/metrics.jsonl", ""),
    file("runs/a/samples/step-0000001.png"),
  ]);
  expect((await source.list()).map(({ id }) => id)).toEqual(["runs/a", "runs/b", "runs/b/damsm"]);
  const run = await source.read("runs/b");
  expect([run.step, run.samples.map(({ step }) => step)]).toEqual([20, [100, 200]]);
  expect(source.control).toBeUndefined();
});

it("asks a server for the rows after those that it has, and controls trainings only if that is allowed", async () => {
  const asked: string[] = [];
  const answers = (path: string) => {
    if (path === "/s/api/runs") return { runs: [{ id: "a b", state: "running" }], allowTraining: true };
    if (path.startsWith("/s/api/runs/a%20b?since=0"))
      return {
        id: "a b",
        state: "running",
        metrics: [{ step: 10, x: 1 }],
        samples: [{ step: 10, url: "api/runs/a%20b/samples/10" }],
        warnings: ["w"],
        secondsLeft: 60,
      };
    if (path.startsWith("/s/api/runs/a%20b?since=10"))
      return { id: "a b", metrics: [{ step: 20, x: 2 }], samples: [] };
    return {};
  };
  vi.stubGlobal("fetch", async (url: URL, init: RequestInit = {}) => {
    asked.push(`${init.method ?? "GET"} ${url.pathname}${url.search}`);
    return Response.json(answers(url.pathname + url.search));
  });
  const source = await serverRuns({ base: "http://host/s/", key: () => undefined });
  expect(await source.list()).toEqual([{ id: "a b", state: "running", step: undefined }]);
  const first = await source.read("a b");
  expect([first.step, first.warnings, first.secondsLeft, first.samples[0]!.url]).toEqual([
    10,
    ["w"],
    60,
    "http://host/s/api/runs/a%20b/samples/10",
  ]);
  expect((await source.read("a b")).metrics.map(({ step }) => step)).toEqual([10, 20]);
  await source.control!.stop("a b");
  expect(asked.at(-1)).toBe("POST /s/api/runs/a%20b/stop");
});
