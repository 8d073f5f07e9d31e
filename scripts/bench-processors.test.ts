import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { expect, it } from "vitest";
import { halvesOf, processorsIn } from "../bench/processors.mjs";

const module = new URL("../bench/processors.mjs", import.meta.url).href;

/** Prints which processors this process may use, and which a program of the command. */
const PROGRAM = `
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { separateProcessors } from ${JSON.stringify(module)};
const [command, ...args] = separateProcessors();
const own = readFileSync("/proc/self/status", "utf8");
const other = spawnSync(command, [...args, "cat", "/proc/self/status"], { encoding: "utf8" }).stdout;
console.log([own, other].map((text) => /Cpus_allowed_list:\\s*(\\S+)/.exec(text)[1]).join(" "));
`;

const run = (env: NodeJS.ProcessEnv) =>
  spawnSync(process.execPath, ["--input-type=module", "--eval", PROGRAM], { encoding: "utf8", env });

it("halves a list of processors; the second half is the larger one", () => {
  expect(halvesOf("0-1")).toEqual(["0", "1"]);
  expect(halvesOf("0-2,5,8-9")).toEqual(["0,1,2", "5,8,9"]);
  expect(halvesOf("3,6-7")).toEqual(["3", "6,7"]);
  expect(() => halvesOf("4")).toThrow("one processor (4)");
});

const canSeparate = availableParallelism() > 1 && spawnSync("taskset", ["--version"]).status === 0;

it.skipIf(!canSeparate)("confines this process to one half, and a program to the other", () => {
  const { stdout, stderr } = run(process.env);
  expect(stderr).toBe("");
  const [own, other] = stdout.trim().split(" ").map(processorsIn);
  expect(own!.length).toBeGreaterThan(0);
  expect(other!.length - own!.length).toBeOneOf([0, 1]);
  expect(own!.filter((each) => other!.includes(each))).toEqual([]);
});

it.skipIf(!canSeparate)("says that taskset is missing", () => {
  expect(run({ ...process.env, PATH: "/none" }).stderr).toMatch(
    /--separate: taskset cannot be used .*install util-linux/,
  );
});
