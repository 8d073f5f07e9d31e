import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "@sdgan/core/basics";
import { onDisk } from "../util/system-errors.js";

/** The models of runs, exported into a temporary folder that is removed when this is disposed of. */
export class ServedRuns implements Disposable {
  #folder: string | undefined;

  /**
   * Exports a run as an ONNX model, in a process of its own: libtorch is needed for this alone, and does not stay in the
   * server's memory.
   * @returns the model's folder
   * @throws UserError with the line that the export printed, if it failed
   */
  async export(run: string, signal: AbortSignal): Promise<string> {
    this.#folder ??= onDisk(tmpdir(), () => mkdtempSync(join(tmpdir(), "sdgan-serve-")));
    const out = join(mkdtempSync(join(this.#folder, "model-")), basename(resolve(run)));
    const child = spawn(process.execPath, [program, "export", "onnx", "--run", run, "--out", out], {
      ...{ stdio: ["ignore", "ignore", "pipe"], signal },
    });
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

/** The file of this program, for processes of their own. */
export const program = fileURLToPath(new URL("../../bin/sdgan.js", import.meta.url));
