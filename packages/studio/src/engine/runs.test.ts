import { afterEach, expect, it, vi } from "vitest";
import { folderRuns, parseMetrics, serverRuns } from "./runs.js";

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

/** A server that answers as `answer` says, and the requests that it gets. */
function answering(answer: (path: string) => object | undefined): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: URL, init: RequestInit = {}) => {
    asked.push(`${init.method ?? "GET"} ${url.pathname}${url.search}`);
    return Response.json(answer(url.pathname + url.search) ?? {});
  });
  return asked;
}

const connection = { base: "http://host/s/", key: () => undefined };

it("reads what a server knows of a run, and controls trainings only if that is allowed", async () => {
  const answers: Record<string, object> = {
    "/s/api/runs": { runs: [{ id: "a b", state: "running" }], allowTraining: true },
    "/s/api/data": { data: [{ folder: "data/x", source: "birds", images: 9 }] },
    "/s/api/runs/a%20b?since=0": {
      ...{ id: "a b", state: "running", metrics: [{ step: 10, x: 1 }], warnings: ["w"], secondsLeft: 60 },
      ...{ samples: [{ step: 10, url: "api/runs/a%20b/samples/10" }], folder: "runs/a b", next: "images" },
    },
  };
  const asked = answering((path) => answers[path]);
  const source = await serverRuns(connection);
  expect(await source.list()).toEqual([{ id: "a b", state: "running", step: undefined }]);
  expect(await source.read("a b")).toMatchObject({
    ...{ step: 10, warnings: ["w"], secondsLeft: 60, folder: "runs/a b", next: "images" },
    samples: [{ step: 10, url: "http://host/s/api/runs/a%20b/samples/10" }],
  });
  expect(await source.control!.data()).toEqual([{ folder: "data/x", source: "birds", images: 9 }]);
  await source.control!.stop("a b");
  expect(asked.at(-1)).toBe("POST /s/api/runs/a%20b/stop");
  answers["/s/api/runs/a%20b/gan"] = { status: "started", id: "a b-2" };
  expect(await source.control!.trainGan("a b")).toBe("a b-2");
  expect(asked.at(-1)).toBe("POST /s/api/runs/a%20b/gan");
  answers["/s/api/runs/a%20b/serve"] = { status: "exporting" };
  const model = source.control!.serve("a b");
  await new Promise((resolve) => setTimeout(resolve, 5));
  answers["/s/api/runs/a%20b/serve"] = { model: "a b" };
  expect(await model).toBe("a b");
  answers["/s/api/runs"] = { runs: [], allowTraining: false };
  expect((await serverRuns(connection)).control).toBeUndefined();
});

it("asks a server again for the last step that it has: an evaluation adds a line to it", async () => {
  let rows = [{ step: 10, x: 1 }];
  const asked = answering((path) => {
    const since = Number(/since=(\d+)/.exec(path)?.[1]);
    return { id: "a", metrics: rows.filter(({ step }) => step > since) };
  });
  const source = await serverRuns(connection);
  const read = async () => (await source.read("a")).metrics;
  const first = await read();
  expect(first).toEqual(rows);
  // The same list, so that nothing is shown anew.
  expect(await read()).toBe(first);
  expect(asked.at(-1)).toBe("GET /s/api/runs/a?since=9");
  rows = [...rows, { step: 10, x: 2 }, { step: 20, x: 3 }];
  expect(await read()).toEqual(rows);
  // The run was deleted, and begun anew under its name.
  rows = [{ step: 10, x: 9 }];
  expect(await read()).toEqual(rows);
});

it("asks a server for a long run in parts", async () => {
  const rows = Array.from({ length: 4500 }, (_, i) => ({ step: 1 + (i >> 1) }));
  const asked = answering((path) => {
    const since = Number(/since=(\d+)/.exec(path)?.[1]);
    const left = rows.filter(({ step }) => step > since);
    return { id: "a", metrics: left.slice(0, 2000), more: left.length > 2000 };
  });
  const source = await serverRuns(connection);
  expect((await source.read("a")).metrics).toEqual(rows);
  expect(asked.length).toBe(1 + 3);
});
