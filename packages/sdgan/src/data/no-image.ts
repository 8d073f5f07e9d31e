import { UserError } from "@sdgan/core";
import type { Source } from "./dataset.js";
import type { Journal } from "./journal.js";
import type { LostWords } from "./lost-words.js";

/**
 * The error for a source of which no image can be used: what was read, the most frequent reason with the first
 * image that has it, and what to do about captions in another script.
 */
export function noImage(
  { name, found = name }: Source,
  journal: Journal,
  lost: LostWords | undefined,
): UserError {
  const reasons = new Map<string, Reason>();
  for (const { skipped } of journal.records()) {
    if (!skipped) continue;
    const { count, first, reason } = reasons.get(kindOf(skipped.reason)) ?? {
      ...{ count: 0, first: skipped.id, reason: skipped.reason },
    };
    reasons.set(kindOf(skipped.reason), { count: count + 1, first, reason });
  }
  const [most] = [...reasons.values()].sort((a, b) => b.count - a.count);
  // Captions in another script: reading them is a matter of one option.
  const remedy =
    lost && lost.captions === lost.of ? ". Use --tokenizer unicode, for words of any language" : "";
  const reason = most ? why(most) : "the source has no images";
  return new UserError(`${found}: no image can be used: ${reason}${remedy}.`, { code: "data.invalid" });

  function why({ count, first, reason }: Reason): string {
    if (journal.skipped === 1) return `the only one, ${first}: ${reason}`;
    const some = count === journal.skipped ? "" : `, ${count} of them for this reason`;
    return `all ${journal.skipped} were skipped${some}; the first is ${first}: ${reason}`;
  }
}

/** Why images were skipped, with the first of them. */
interface Reason {
  count: number;
  first: string;
  /** As for the first image. */
  reason: string;
}

/** A reason without the paths in it, which differ from image to image. */
function kindOf(reason: string): string {
  return reason
    .split(": ")
    .filter((part) => !part.includes("/"))
    .join(": ");
}
