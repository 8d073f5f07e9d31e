import { existsSync, mkdirSync } from "node:fs";
import { devNull } from "node:os";
import type { Command } from "commander";
import { findBox } from "../util/box.js";
import { onDisk } from "../util/system-errors.js";
import { collect, wholeNumber } from "./options.js";
import { serve } from "./serve.js";

/** `sdgan studio`: `sdgan serve` for one person on this machine, with the page opened. */
export function addStudio(program: Command): void {
  program
    .command("studio")
    .description("open a page that generates while one types, looks inside models, and watches trainings")
    .option(
      "--model <name>",
      "an exported model: a folder, or a name of @sdgan/models; may be repeated; by default all in the box",
      collect,
    )
    .option(
      "--runs <folder>",
      "a folder of run folders whose trainings are shown; may be repeated; by default runs, and the current folder",
      collect,
    )
    .option("--allow-training", "start, stop and resume trainings from the page")
    .option("--port <number>", "port to listen on, 0 for a free one", wholeNumber(0, 65_535), 8080)
    .option("--no-open", "only print the address of the page")
    .addHelpText(
      "after",
      `
Only this machine can open the page. For other machines and programs there is sdgan serve. docs/studio.md shows every view.

Examples:
  npx sdgan studio
  npx sdgan studio --model my-model --runs runs --allow-training`,
    )
    .action(({ open, ...options }: Options) =>
      serve(
        {
          ...DEFAULTS,
          ...options,
          model: options.model ?? boxModels(),
          runs: options.runs ?? runFolders(options),
        },
        (url) => {
          console.error(`The page is at ${url} (Ctrl-C ends it)`);
          if (open) void openPage(url);
        },
      ),
    );
}

interface Options {
  model?: string[];
  runs?: string[];
  allowTraining?: boolean;
  port: number;
  open: boolean;
}

const DEFAULTS = { host: "127.0.0.1", auth: true, queue: 64, batch: 8, logFile: devNull };

/** The models in the box, that of a user's first image first. */
function boxModels(): string[] {
  const { models, first } = findBox() ?? { models: [], first: { model: "" } };
  return models.toSorted((a, b) => Number(b === first.model) - Number(a === first.model));
}

/** Trainings that are started in the page make their folders in the first one. */
function runFolders({ allowTraining }: Pick<Options, "allowTraining">): string[] {
  if (allowTraining) onDisk("runs", () => mkdirSync("runs", { recursive: true }));
  return ["runs", "."].filter((folder) => existsSync(folder));
}

/** A machine without a browser has the address in the terminal. */
async function openPage(url: string): Promise<void> {
  const { default: open } = await import("open");
  const child = await open(url).catch(() => undefined);
  child?.on("error", () => {});
}
