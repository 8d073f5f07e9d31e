import { type DestinationStream, type Logger, pino } from "pino";

export type { Logger } from "pino";

/**
 * A log of JSON lines that never stops the server: a full disk or a closed terminal costs lines, which are counted.
 * @param file by default the standard output
 * @param onLoss called for each line, or part of one, that could not be written
 */
export function makeLog(file: string | undefined, onLoss: () => void): Logger {
  const stream = pino.destination({ dest: file ?? 1, sync: false, append: true, maxLength: MOST_BYTES });
  stream.on("error", onLoss);
  stream.on("drop", onLoss);
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream as DestinationStream);
}

/** Waiting lines, when the disk is slower than the server. */
const MOST_BYTES = 2 ** 20;
