import { openSync } from "node:fs";
import { UserError, visible } from "@sdgan/core";
import { type DestinationStream, type Logger, pino } from "pino";

export type { Logger } from "pino";

/**
 * A log of JSON lines that never stops the server: a full disk or a closed terminal costs lines, which are counted.
 * @param file by default the standard output
 * @param onLoss called whenever lines could not be written
 * @throws UserError if the file cannot be opened
 */
export function makeLog(file: string | undefined, onLoss: () => void): Logger {
  const stream = pino.destination({
    dest: file === undefined ? 1 : opened(file),
    sync: false,
    maxLength: MOST_BYTES,
  });
  stream.on("error", onLoss);
  stream.on("drop", onLoss);
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream as DestinationStream);
}

/** Waiting lines, when the disk is slower than the server. */
const MOST_BYTES = 2 ** 20;

function opened(file: string): number {
  try {
    return openSync(file, "a", 0o600);
  } catch (cause) {
    const { code } = Object(cause) as { code?: string };
    throw new UserError(`${visible(file)}: the log cannot be written there (${code}); choose another file.`, {
      ...{ code: "file.system", cause },
    });
  }
}
