import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { UserError } from "@sdgan/core";
import { giveWay } from "./priority.js";

/** The models of runs, exported into a temporary folder that is removed when this is disposed of. */
export class ExportedRuns implements Disposable {
  readonly #program: string;
  #folder: string | undefined;

  /** @param program the file of the program `sdgan` */
  constructor(program: string) {
    this.#program = program;
  }

  /**
   * Exports a run as an ONNX model, in a process of its own: libtorch is needed for this alone, and does not stay in the
   * server's memory.
   * @returns the model's folder, which has the run's name
   * @throws UserError with the line that the export printed, if it failed
   */
  async export(run: string, signal: AbortSignal): Promise<string> {
    this.#folder ??= mkdtempSync(join(tmpdir(), "sdgan-serve-"));
    const out = join(mkdtempSync(join(this.#folder, "model-")), basename(resolve(run)));
    const args = [this.#program, "export", "onnx", "--run", run, "--out", out];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"], signal });
    giveWay(child.pid);
    let output = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-10_000);
    });
    const code = await new Promise<number | string | null>((resolve, reject) => {
      child.on("error", reject).on("close", (code, by) => resolve(code ?? by));
    });
    if (code === 0) return out;
    const line = output
      .trimEnd()
      .split("\n")
      .at(-1)
      ?.replace(/^sdgan: /, "");
    throw new UserError(line || `${run}: the export as an ONNX model ended with ${code}.`, {
      code: "checkpoint.mismatch",
    });
  }

  [Symbol.dispose](): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}
