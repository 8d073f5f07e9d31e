/** From what the ranks report after a failure to one message that names the ranks that failed first. */
import { ProcessGroupError, ranksText, secondsText } from "./error.js";

/** `[error, number, answers]` of the addon; answers are "number|operation|error", "" of a rank without an answer. */
export type NativeFailure = [error: string, number: number, answers: string[] | null];

export interface About {
  rank: number;
  worldSize: number;
  operation: string;
  timeoutMs: number;
}

export function failureOf([error, number, answers]: NativeFailure, about: About): ProcessGroupError {
  const { rank, operation, timeoutMs } = about;
  const { cause, suspects } = causeOf(error, number, answers, about);
  const message =
    `rank ${rank} of ${about.worldSize}: ${operation} (operation ${number} of the group, timeout ${secondsText(timeoutMs)}) ` +
    `failed: ${error}. ${cause}`;
  return new ProcessGroupError(message, { rank, operation, suspects });
}

interface Cause {
  cause: string;
  suspects: number[];
}

function causeOf(error: string, number: number, answers: string[] | null, { rank, timeoutMs }: About): Cause {
  if (error.startsWith("the ranks called different operations"))
    return {
      cause: "All ranks must call the same operations in the same order with tensors of the same shape.",
      suspects: [],
    };
  if (error === "the group was closed")
    return { cause: "Wait for all operations before close().", suspects: [] };
  if (!answers) {
    if (rank === 0)
      return { cause: "The store could not be read, so it is not known which rank failed.", suspects: [] };
    const cause =
      "The store does not answer: rank 0, which serves it, probably ended, was stopped or cannot be reached. Its own output has the cause.";
    return { cause, suspects: [0] };
  }
  const silent = answers.flatMap((answer, other) => (answer === "" ? [other] : []));
  if (silent.length > 0)
    return {
      cause: `${capital(ranksText(silent))} gave no answer: ended, stopped or cut off from the network. The output of ${silent.length === 1 ? "that rank" : "those ranks"} has the cause.`,
      suspects: silent,
    };
  const behind = answers.flatMap((answer, other) => (isBefore(answer, number) ? [other] : []));
  if (behind.length > 0) {
    const late = behind.includes(rank) ? "This rank" : capital(ranksText(behind));
    return {
      cause: `${late} had not called it in time. If a rank may take longer, increase timeoutMs (now ${timeoutMs}).`,
      suspects: behind,
    };
  }
  const others = answers
    .map((answer, other) => ({ other, reported: answer.split("|")[2] ?? "" }))
    .filter(({ other, reported }) => other !== rank && reported !== "" && reported !== error);
  const first = others.find(({ reported }) => !/reported a failure$/.test(reported)) ?? others[0];
  return {
    cause: `All ranks are alive${first ? `; rank ${first.other} reports: ${first.reported}` : ""}. Check the network between them.`,
    suspects: [],
  };
}

/** Whether a rank had not called an operation when it reported; a rank without an operation reports the next number. */
function isBefore(answer: string, number: number): boolean {
  const [at, operation] = answer.split("|");
  return operation === "" ? Number(at) <= number : Number(at) < number;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
