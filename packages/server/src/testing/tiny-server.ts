/** For tests: a server with a tiny model. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tinyModel } from "../../../pipeline/dist/testing/tiny-model.js";
import type { RunningServer, ServerOptions } from "../server.js";

/** Writes the model into a new folder; returns the folder of all, and that of the model. */
export async function tinyModelFolder(): Promise<{ folder: string; model: string; remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-server-"));
  const model = join(folder, "tiny");
  mkdirSync(model);
  for (const [name, bytes] of Object.entries(await tinyModel())) writeFileSync(join(model, name), bytes);
  return { folder, model, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** @param start `startServer`, from the sources or compiled */
export async function startTiny(
  start: (options: ServerOptions) => Promise<RunningServer>,
  options: Partial<ServerOptions> = {},
): Promise<RunningServer & { log: string; folder: string; end(): Promise<void> }> {
  const { folder, model, remove } = await tinyModelFolder();
  const logFile = options.logFile ?? join(folder, "log");
  const server = await start({
    ...{ models: [model], host: "127.0.0.1", port: 0, processes: 1, ...options, logFile },
  });
  return {
    ...{ ...server, folder, log: logFile },
    async end() {
      await server.stop();
      remove();
    },
  };
}

/** Words that the tiny model knows. */
export const WORDS = ["small", "red", "bird", "black", "wings", "long", "tail"];
