import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { defaultLimits } from "../limits.js";
import { makeApp } from "../listen.js";
import { RunServing } from "../run-serving.js";
import { Runs } from "../runs.js";
import { Trainings } from "../trainings.js";
import { addRunRoutes } from "./runs.js";

/** Stands in for `sdgan`: it trains until it is stopped, or fails for the data `none`. */
const PROGRAM = `
if (process.argv.includes("--data=none")) process.exit(1);
setInterval(() => {}, 1000);
`;

it("names the run that it has started, also beside another of its name, and one that failed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-routes-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [others, own, program] = ["others", "own", "program.cjs"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(program, PROGRAM);
  mkdirSync(join(others, "mine/damsm"), { recursive: true });
  writeFileSync(join(others, "mine/damsm/config.yaml"), "");
  const trainings = new Trainings({ program, folder: own, isInUse: () => false });
  onTestFinished(() => trainings.end());
  const serving = new RunServing(program, () => ({ add: async () => {} }));
  onTestFinished(() => serving[Symbol.dispose]());
  const app = makeApp(defaultLimits);
  addRunRoutes(app, new Runs({ runs: [], folders: [others, own] }), { trainings, serving });
  onTestFinished(() => app.close());
  const start = async (body: object) => {
    const payload = { config: "birds-64", data: "data/birds", run: "mine", ...body };
    const answer = await app.inject({ method: "POST", url: "/api/runs", payload });
    expect(answer.statusCode).toBe(202);
    return answer.json();
  };
  const states = async () => {
    const { runs } = (await app.inject("/api/runs")).json() as { runs: { id: string; state?: string }[] };
    return Object.fromEntries(runs.map(({ id, state }) => [id, state]));
  };
  expect(await start({ task: "damsm" })).toEqual({ status: "started", id: "mine-2/damsm" });
  expect(await states()).toEqual({ "mine/damsm": undefined, "mine-2/damsm": "running" });
  expect(await start({ task: "gan", run: "bad", data: "none" })).toEqual({ status: "started", id: "bad" });
  await expect.poll(states, { timeout: 20_000 }).toMatchObject({ bad: "stopped" });
});
