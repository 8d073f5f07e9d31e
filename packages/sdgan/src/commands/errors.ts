import { UserError, visible } from "@sdgan/core";
import { systemError } from "../util/system-errors.js";

/** A command called wrongly: an option's value, options that exclude each other. Exit code 2. */
export class UsageError extends UserError {
  override name = "UsageError";

  constructor(message: string) {
    super(message, { code: "usage" });
  }
}

/**
 * Runs a command line's `main` and turns what it throws into one line on stderr and an exit code: 2 for wrong usage,
 * 1 for all else. The environment variable `SDGAN_DEBUG=1` adds the stack.
 */
export async function run(main: () => Promise<void>): Promise<void> {
  process.stdout.on("error", endQuietly);
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

/** The line for `error` and its exit code; no line for what the option parser has already said. */
export function describeError(error: unknown): { line?: string; exitCode: number } {
  const { code, exitCode } = Object(error) as { code?: unknown; exitCode?: number };
  if (String(code).startsWith("commander.")) return { exitCode: exitCode === 0 ? 0 : 2 };
  const known = error instanceof UserError ? error : (systemError(error) ?? lackOfGpuMemory(error));
  if (known)
    return { line: `sdgan: ${visible(known.message)}`, exitCode: known instanceof UsageError ? 2 : 1 };
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const advice = "This is a bug in sdgan; SDGAN_DEBUG=1 shows where.";
  return { line: `sdgan: ${visible(message)}. ${advice}`, exitCode: 1 };
}

/** What libtorch says when a GPU's memory is full. */
function lackOfGpuMemory(error: unknown): UserError | undefined {
  const [, said] = /(CUDA out of memory\.(?: Tried to allocate [\d.]+ \w+\.)?)/.exec(String(error)) ?? [];
  return said === undefined
    ? undefined
    : new UserError(
        `${said.replace(/\.$/, "")}: train with a smaller batch (--set training.batch=16), or use --device cpu`,
        { code: "device.unavailable" },
      );
}

function report(error: unknown): void {
  const { line, exitCode } = describeError(error);
  process.exitCode = exitCode;
  if (line) console.error(line);
  if (line && process.env.SDGAN_DEBUG === "1" && error instanceof Error)
    console.error(error.stack, error.cause ?? "");
}

/** Whoever read our output, `head` for one, has had enough. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
}
