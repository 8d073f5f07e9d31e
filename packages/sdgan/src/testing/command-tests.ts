/** For tests of the command line: a folder, a process that runs commands, and what a refusal has to be. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type Ended, sdgan as inNewProcess } from "./cli.js";
import { CommandHost } from "./command-host.js";

export class CommandTests implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "sdgan-cli-"));
  readonly #host = new CommandHost();
  readonly sdgan = this.#host.sdgan;

  /** A path in the folder. */
  readonly at = (...names: string[]): string => join(this.folder, ...names);

  /** Runs `sdgan`, which must print one line on stderr and nothing else. Returns that line. */
  readonly refusal = async (code: number, ...args: string[]): Promise<string> =>
    onlyLine(code, await this.sdgan(...args));

  /** The same in a process of its own: without libtorch it starts in a fifth of a second. */
  readonly refusalOfProcess = async (code: number, ...args: string[]): Promise<string> =>
    onlyLine(code, await inNewProcess(...args));

  /** A folder of images: `captions` is the text of captions.jsonl. */
  images(name: string, captions: string, files: Record<string, Uint8Array | string> = {}): string {
    mkdirSync(this.at(name));
    writeFileSync(this.at(name, "captions.jsonl"), captions);
    for (const [file, bytes] of Object.entries(files)) writeFileSync(this.at(name, file), bytes);
    return this.at(name);
  }

  [Symbol.dispose](): void {
    this.#host[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function onlyLine(code: number, result: Ended): string {
  expect(result).toMatchObject({ code, stdout: "" });
  expect(result.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(result.stderr).toMatch(/^sdgan: /);
  return result.stderr;
}

/** A line of captions.jsonl. */
export const captionLine = (image: string, caption = "a red bird"): string =>
  `${JSON.stringify({ image, caption })}\n`;

/** An SVG image. */
export const square = (colour: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><rect width="32" height="32" fill="${colour}"/></svg>`;
