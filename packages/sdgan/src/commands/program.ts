import { nearest, visible } from "@sdgan/core/basics";
import { Command } from "commander";
import { version } from "../util/version.js";
import { addAblate } from "./ablate.js";
import { addDoctor } from "./doctor.js";
import { UsageError } from "./errors.js";
import { addEvaluate } from "./evaluate.js";
import { addExport } from "./export.js";
import { addGenerate } from "./generate.js";
import { addImport } from "./import.js";
import { addPrepare } from "./prepare.js";
import { addReport } from "./report.js";
import { addServe } from "./serve.js";
import { addSetup } from "./setup.js";
import { addTrain } from "./train.js";

/**
 * The command line. Actions import their modules when they run, so that `--help` and errors of usage are fast and work
 * on a machine without libtorch.
 */
export function makeProgram(): Command {
  const program = new Command("sdgan")
    .description("From captions to images: SD-GAN (CVPR 2019), trained and used on this machine.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .enablePositionalOptions() // So that `evaluate` and `evaluate damsm` have options of the same names.
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`${oneLine(text)}\n`) })
    .addHelpText("after", example);
  addPrepare(program);
  addTrain(program);
  addGenerate(program);
  addEvaluate(program);
  addAblate(program);
  addReport(program);
  addImport(program);
  addExport(program);
  addServe(program);
  addSetup(program);
  addDoctor(program);
  addHelp(program);
  return program;
}

/** `sdgan help train gan`. The parser's own command finds the first word only. */
function addHelp(program: Command): void {
  program
    .command("help")
    .argument("[command...]", "such as train gan")
    .description("print the help of a command")
    .action((names: string[]) => {
      let found = program;
      for (const name of names) {
        const { commands } = found;
        const next = commands.find((command) => command.name() === name);
        if (!next) throw unknownCommand(found, name);
        found = next;
      }
      found.outputHelp();
    });
}

function unknownCommand(parent: Command, name: string): UsageError {
  const names = parent.commands.map((command) => command.name());
  const guess = nearest(name, names);
  const expected = guess
    ? `Did you mean ${guess}?`
    : names.length > 0
      ? `Commands are ${names.join(", ")}`
      : `${parent.name()} has no commands of its own`;
  return new UsageError(`unknown command '${name}'. ${expected}`);
}

const example = `
Complete example:
  npx sdgan setup
  npx sdgan prepare birds --out data/birds
  npx sdgan train damsm --config birds-64 --data data/birds --run runs/birds
  npx sdgan train gan --config birds-64 --data data/birds --run runs/birds
  npx sdgan generate --run runs/birds --caption "a small red bird with black wings" --out images`;

/** An error of the option parser in the format of our other errors. */
function oneLine(text: string): string {
  const [first = "", ...rest] = text
    .replace(/^error: /, "")
    .trim()
    .split("\n");
  const suggestion = rest.length > 0 ? `. ${rest.join(" ").replace(/^\((.*)\)$/, "$1")}` : "";
  return `sdgan: ${visible(first.replace(/\.$/, "") + suggestion)}`;
}
