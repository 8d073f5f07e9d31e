import { UserError, visible } from "@sdgan/core/basics";
import { reportToLauncher } from "../distributed/launched.js";
import { systemError } from "../util/system-errors.js";
import { ignoresHangup } from "./hangup.js";
import { handleLostOutput } from "./lost-output.js";

/** Wrong usage of a command: an invalid option value, options that exclude each other. Exit code 2. */
export class UsageError extends UserError {
  override name = "UsageError";

  constructor(message: string) {
    super(message, { code: "usage" });
  }
}

/**
 * Runs a command line's `main` and turns a thrown error into one line on stderr and an exit code: 2 for wrong usage, 1
 * for all other errors. The environment variable `SDGAN_DEBUG=1` adds the stack.
 */
export async function run(main: () => Promise<void>): Promise<void> {
  handleLostOutput();
  if (ignoresHangup()) process.on("SIGHUP", () => {}); // Node has reset it to ending the process.
  process.on("uncaughtException", (error) => {
    report(error);
    process.exit();
  });
  try {
    await main();
  } catch (error) {
    report(error);
  }
}

/** The line for `error` and its exit code; no line if the option parser has already printed the error. */
export function describeError(error: unknown): { line?: string; exitCode: number } {
  const { code, exitCode } = Object(error) as { code?: unknown; exitCode?: number };
  if (String(code).startsWith("commander.")) return { exitCode: exitCode === 0 ? 0 : 2 };
  const known =
    error instanceof UserError ? error : (missingAddon(error) ?? systemError(error) ?? gpuOutOfMemory(error));
  if (known)
    return { line: `sdgan: ${visible(known.message)}`, exitCode: known instanceof UsageError ? 2 : 1 };
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const advice = "This is a bug in sdgan; SDGAN_DEBUG=1 shows where.";
  return { line: `sdgan: ${visible(message)}. ${advice}`, exitCode: 1 };
}

/** The error of `@sdgan/torch` and `@sdgan/images` when their addon is missing or cannot be loaded. */
function missingAddon(error: unknown): Error | undefined {
  return error instanceof Error && error.name === "Failure" ? error : undefined;
}

/** libtorch's error when a GPU's memory is full, with a remedy. */
function gpuOutOfMemory(error: unknown): UserError | undefined {
  const [, reported] = /(CUDA out of memory\.(?: Tried to allocate [\d.]+ \w+\.)?)/.exec(String(error)) ?? [];
  return reported === undefined
    ? undefined
    : new UserError(
        `${reported.replace(/\.$/, "")}: train with a smaller batch (--set training.batch=16), or use --device cpu`,
        { code: "device.unavailable" },
      );
}

function report(error: unknown): void {
  const { line, exitCode } = describeError(error);
  process.exitCode = exitCode;
  if (line && !reportToLauncher(line, error)) console.error(line);
  if (line && process.env.SDGAN_DEBUG === "1" && error instanceof Error)
    console.error(error.stack, error.cause ?? "");
}
