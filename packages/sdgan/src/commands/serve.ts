import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { UserError, visible } from "@sdgan/core/basics";
import type { Command } from "commander";
import { UsageError } from "./errors.js";
import { Interruption } from "./interruption.js";
import { collect, wholeNumber } from "./options.js";

/** `sdgan serve` */
export function addServe(program: Command): void {
  const command = program
    .command("serve")
    .description("generate images for other programs over HTTP, as in the OpenAI API, and for a page");
  command
    .option(
      "--model <name>",
      "an exported model: a folder, or a name of @sdgan/models; may be repeated",
      collect,
    )
    .option(
      "--run <folder>",
      "a run folder: its model is served and its training shown; may be repeated",
      collect,
    )
    .option("--runs <folder>", "a folder of run folders whose trainings are shown; may be repeated", collect)
    .option(
      "--allow-training",
      "whoever may use the server may start, stop and resume trainings; new runs are made in the first --runs",
    )
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <number>", "port to listen on, 0 for a free one", wholeNumber(0, 65_535), 8080)
    .option("--api-key-file <file>", "file with API keys, one per line, that only this user can read")
    .option("--no-auth", "allow everybody to use it, also from other machines")
    .option(
      "--allow-host <name>",
      "a name that requests may have in their Host header; may be repeated",
      collect,
    )
    .option(
      "--allow-origin <url>",
      "pages that may call, such as https://example.org; may be repeated",
      collect,
    )
    .option("--queue <number>", "images that may wait or be computed at once", wholeNumber(1, 100_000), 64)
    .option("--batch <number>", "images that are computed together at most", wholeNumber(1, 256), 8)
    .option("--rate <number>", "requests per minute and key, 0 for any number", wholeNumber(0, 1_000_000))
    .option(
      "--threads <count>",
      "inference processes, of one thread each; by default one per core, at most 8",
      wholeNumber(1, 256),
    )
    .option("--log-file <file>", "file for the log, instead of the standard output")
    .option("--log-prompts", "log prompts too")
    .addHelpText(
      "after",
      `
Serves POST /v1/images/generations and GET /v1/models as the OpenAI API has them, a page at /, and metrics for Prometheus at
/metrics; /openapi.json describes all. It listens on this machine alone; elsewhere it needs --api-key-file. The log is JSON
lines without prompts. SIGTERM or Ctrl-C finishes what was taken, and ends. docs/server.md has limits and examples.

Example:
  npx sdgan serve --model models/birds-64
  curl -s http://127.0.0.1:8080/v1/images/generations -H 'Content-Type: application/json' \\
    -d '{"prompt": "a small red bird"}' | grep -o '"b64_json":"[^"]*' | cut -d '"' -f 4 | base64 -d > bird.png`,
    )
    .action((options: ServeOptions) => serve(options));
}

export interface ServeOptions {
  model?: string[];
  run?: string[];
  runs?: string[];
  host: string;
  port: number;
  apiKeyFile?: string;
  auth: boolean;
  allowHost?: string[];
  allowOrigin?: string[];
  queue: number;
  batch: number;
  rate?: number;
  threads?: number;
  logFile?: string;
  logPrompts?: boolean;
  allowTraining?: boolean;
}

/** @param onListening called with the server's URL when it can be used */
export async function serve(
  { model = [], run = [], runs = [], ...options }: ServeOptions,
  onListening = (url: string) => console.error(`sdgan serves on ${url} (Ctrl-C ends it)`),
): Promise<void> {
  if (model.length + run.length === 0)
    throw new UsageError(
      "serve: give --model NAME or --run FOLDER: there is nothing to generate images with",
    );
  for (const origin of options.allowOrigin ?? [])
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new UsageError(`serve: --allow-origin ${origin}: expected an origin such as https://example.org`);
  if (options.allowTraining && runs.length === 0)
    throw new UsageError("serve: --allow-training needs --runs FOLDER: new runs are made there");
  for (const folder of runs)
    if (!existsSync(folder))
      throw new UserError(`--runs ${folder}: there is no such folder; give a folder with run folders in it`, {
        code: "file.missing",
      });
  const { startServer, readKeys, ExportedRuns } = await loadServer();
  const { damsmSteps, isInUse } = await import("../run/run-folder.js");
  const keys = options.apiKeyFile === undefined ? undefined : readKeys(options.apiKeyFile);
  using interruption = new Interruption((line) => console.error(line), STOPPING);
  using exports = new ExportedRuns(program);
  try {
    const exported: string[] = [];
    for (const folder of run) exported.push(await exports.export(folder, interruption.signal));
    const server = await startServer({
      ...{ models: [...model, ...exported], keys },
      runs: { runs: run, folders: runs, damsmSteps },
      ...{ host: options.host, port: options.port, noAuth: !options.auth },
      ...{ hosts: options.allowHost ?? [], origins: options.allowOrigin ?? [] },
      processes: options.threads ?? Math.min(8, availableParallelism()),
      limits: {
        ...{ queue: options.queue, batch: options.batch },
        // Without keys, everybody behind one address would share one limit.
        rate: options.rate ?? (keys ? RATE : 0),
      },
      training: options.allowTraining ? { program, folder: runs[0]!, isInUse } : undefined,
      ...{ logFile: options.logFile, logPrompts: options.logPrompts ?? false },
    });
    onListening(server.url);
    interruption.signal.addEventListener("abort", () => void server.stop());
    if (interruption.signal.aborted) await server.stop();
    await server.closed;
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
  }
}

/** The file of this program, for processes of their own. */
const program = fileURLToPath(new URL("../../bin/sdgan.js", import.meta.url));

const STOPPING = "Finishing the requests that were taken; press Ctrl-C again to exit immediately";

/** Requests per minute of a key. */
const RATE = 600;

async function loadServer(): Promise<typeof import("@sdgan/server")> {
  try {
    return await import("@sdgan/server");
  } catch (cause) {
    const reason = visible(String(Object(cause).message ?? cause)).split("\n")[0];
    throw new UserError(`serve needs the package @sdgan/server (npm install @sdgan/server): ${reason}`, {
      ...{ code: "file.missing", cause },
    });
  }
}
