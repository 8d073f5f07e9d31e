/** The process behind `CommandHost`: runs the commands that it is sent, and answers with exit code and output. */
import { fileURLToPath } from "node:url";
import { describeError } from "../commands/errors.js";
import { makeProgram } from "../commands/program.js";
import type { Ended } from "./cli.js";
import type { Command } from "./command-host.js";

const bin = fileURLToPath(new URL("../../bin/sdgan.js", import.meta.url));

process.on("message", async (command: Command) => process.send!(await run(command)));
process.on("disconnect", () => process.exit());

async function run({ args, variables }: Command): Promise<Ended> {
  const output = { stdout: "", stderr: "" };
  const { stdout, stderr } = process;
  const writes = { stdout: stdout.write, stderr: stderr.write };
  const environment = { ...process.env };
  stdout.write = collect("stdout");
  stderr.write = collect("stderr");
  Object.assign(process.env, variables);
  process.argv = [process.execPath, bin, ...args];
  process.exitCode = undefined;
  try {
    await makeProgram().parseAsync();
  } catch (error) {
    const { line, exitCode } = describeError(error);
    process.exitCode = exitCode;
    if (line) console.error(line);
  } finally {
    stdout.write = writes.stdout;
    stderr.write = writes.stderr;
    for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
    Object.assign(process.env, environment);
  }
  const code = Number(process.exitCode ?? 0);
  process.exitCode = undefined;
  return { code, signal: null, ...output };

  function collect(stream: "stdout" | "stderr"): typeof process.stdout.write {
    return (text: string | Uint8Array, ...more: unknown[]) => {
      output[stream] += typeof text === "string" ? text : Buffer.from(text).toString("utf8");
      const done = more.find((one) => typeof one === "function");
      if (done) queueMicrotask(done as () => void);
      return true;
    };
  }
}
