import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { compile } from "../testing/cli.js";

it("gives every command all cores, although libtorch binds the starting thread to one core", () => {
  compile();
  const folder = mkdtempSync(join(tmpdir(), "sdgan-commands-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const log = join(folder, "log.txt");
  const [tuned, commands] = ["tuned.js", "ablation/commands.js"].map(
    (file) => new URL(`../../dist/${file}`, import.meta.url).href,
  );
  const program = `
    await import(${JSON.stringify(tuned)});
    const { Commands } = await import(${JSON.stringify(commands)});
    const commands = new Commands({ signal: new AbortController().signal, threads: 1 });
    await commands.run(["doctor"], ${JSON.stringify(log)});
    console.log(process.env.OMP_PROC_BIND);`;
  // With these variables set, libtorch binds no thread.
  const { OMP_NUM_THREADS, OMP_PROC_BIND, ...env } = process.env;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    ...{ env, encoding: "utf8" },
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(stdout).toBe("undefined\n"); // Otherwise the commands would inherit the binding.
  expect(readFileSync(log, "utf8")).toContain(`1 of ${availableParallelism()} cores`);
});
