/**
 * Failures that the user can fix. The message names what was found, what was expected and what to do. They end a script
 * with exit code 1 and without a stack trace.
 */
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

export class Failure extends Error {
  /** @override */
  name = "Failure";
}

/**
 * Runs `main` when the module at `moduleUrl` is the program itself, and does nothing when it is imported.
 *
 * @param {string} moduleUrl `import.meta.url` of the caller
 * @param {() => Promise<void>} main
 */
export async function runAsProgram(moduleUrl, main) {
  const program = process.argv[1];
  if (program === undefined || realpathSync(program) !== fileURLToPath(moduleUrl)) return;
  try {
    await main();
  } catch (error) {
    printFailure(error);
    process.exitCode = 1;
  }
}

/** @param {unknown} error */
export function printFailure(error) {
  console.error(`✗ ${describe(error)}`);
}

/**
 * Returns only the message for a `Failure` and for errors of the operating system (no space, no permission); their
 * messages are complete. Returns the stack for every other error, because that is a bug.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function describe(error) {
  if (!(error instanceof Error)) return String(error);
  // The name of core's errors that the user can fix.
  const ofTheUser = error instanceof Failure || error.name === "UserError";
  const ofTheSystem =
    "syscall" in error || ("code" in error && String(error.code).startsWith("ERR_PARSE_ARGS"));
  return ofTheUser || ofTheSystem ? error.message : (error.stack ?? error.message);
}
