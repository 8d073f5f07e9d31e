import { nearest, visible } from "@sdgan/core/basics";
import { Command, type ParseOptionsResult } from "commander";
import { findBox } from "../util/box.js";
import { version } from "../util/version.js";
import { addAblate } from "./ablate.js";
import { firstImageCommand } from "./command-line.js";
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
import { addStudio } from "./studio.js";
import { addTrain } from "./train.js";

/**
 * The command line. Actions import their modules when they run, so that `--help` and errors of usage are fast and work
 * on a machine without libtorch.
 */
export function makeProgram(): Command {
  const program = new SdganCommand("sdgan")
    .description("From captions to images: SD-GAN (CVPR 2019), trained and used on this machine.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .enablePositionalOptions() // So that `evaluate` and `evaluate damsm` have options of the same names.
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`${oneLine(text)}\n`) })
    .addHelpText("after", `\n${examples()}`)
    .action(() => console.log(welcome()));
  addPrepare(program);
  addTrain(program);
  addGenerate(program);
  addEvaluate(program);
  addAblate(program);
  addReport(program);
  addImport(program);
  addExport(program);
  addServe(program);
  addStudio(program);
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

/**
 * A command that names a misspelt subcommand before anything else. The parser's own treats it as an argument too many if the
 * command also does something itself, as `evaluate` beside `evaluate damsm`.
 */
class SdganCommand extends Command {
  override createCommand(name?: string): Command {
    return new SdganCommand(name);
  }

  override parseOptions(args: string[]): ParseOptionsResult {
    const parsed = super.parseOptions(args);
    const [first] = parsed.operands;
    if (
      first !== undefined &&
      this.commands.length > 0 &&
      !this.commands.some((command) => command.name() === first)
    )
      throw unknownCommand(this, first);
    return parsed;
  }
}

function unknownCommand(parent: Command, name: string): UsageError {
  const names = parent.commands.map((command) => command.name());
  const guess = nearest(name, names);
  // A command that does something itself, beside its subcommands.
  const hasOptions = parent.parent !== null && parent.options.length > 0;
  const options = hasOptions ? `; options: npx sdgan ${parent.name()} --help` : "";
  const expected = guess
    ? `Did you mean ${guess}?`
    : names.length > 0
      ? `Commands are ${names.join(", ")}${options}`
      : `${parent.name()} has no commands of its own`;
  return new UsageError(`unknown command '${name}'. ${expected}`);
}

/** What `sdgan` without arguments prints. */
function welcome(): string {
  return `sdgan generates images from captions, and trains models that do so.

Generate images now, with a model in the box:
  ${firstImageCommand(findBox())}

Every command, and how to train a model of your own:
  npx sdgan help`;
}

const examples = () => `Images from a model in the box, without set-up:
  ${firstImageCommand(findBox())}

A model of your own:
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
