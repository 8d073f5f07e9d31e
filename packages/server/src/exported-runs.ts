import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
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
   * @throws UserError with the line that the export printed, if it failed, or if the temporary folder cannot be written
   */
  async export(run: string, signal: AbortSignal): Promise<string> {
    const out = join(this.#newFolder(), basename(resolve(run)));
    try {
      await this.#exportTo(out, run, signal);
    } catch (error) {
      await this.remove(out);
      throw error;
    }
    return out;
  }

  /** Removes a model's folder that `export` returned. One that cannot be removed now is tried again in the end. */
  async remove(out: string): Promise<void> {
    await rm(dirname(out), { recursive: true, force: true }).catch(() => {});
  }

  #newFolder(): string {
    try {
      this.#folder ??= mkdtempSync(join(tmpdir(), "sdgan-serve-"));
      return mkdtempSync(join(this.#folder, "model-"));
    } catch (error) {
      const { code = "unknown error" } = error as NodeJS.ErrnoException;
      throw noPlace(code, error);
    }
  }

  async #exportTo(out: string, run: string, signal: AbortSignal): Promise<void> {
    const args = [this.#program, "export", "onnx", "--run", run, "--out", out];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"], signal });
    giveWay(child.pid);
    let output = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-10_000);
    });
    let failure: Error | undefined;
    // After an interruption too, the process is waited for: it may be writing.
    const code = await new Promise<number | string | null>((resolve) => {
      child.on("close", (code, by) => resolve(code ?? by));
      child.on("error", (error) => {
        failure = error;
        if (child.pid === undefined) resolve(null);
      });
    });
    if (failure) throw failure;
    if (code === 0) return;
    const line = output
      .trimEnd()
      .split("\n")
      .at(-1)
      ?.replace(/^sdgan: /, "");
    // The only files that an export writes are those of the model.
    const full = /\((ENOSPC|EDQUOT)\)$/.exec(line ?? "")?.[1];
    if (full) throw noPlace(full);
    throw new UserError(line || `${run}: the export as an ONNX model ended with ${code}.`, {
      code: "checkpoint.mismatch",
    });
  }

  [Symbol.dispose](): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** @param code of the system's error */
function noPlace(code: string, cause?: unknown): UserError {
  const reason =
    code === "ENOSPC" || code === "EDQUOT" ? "the disk is full" : "the folder for it cannot be made";
  return new UserError(
    `${tmpdir()}: the exported model cannot be written here, ${reason} (${code}): make room, or start sdgan with another folder in TMPDIR`,
    { code: "file.system", cause },
  );
}
