/** What a GAN takes over from the run that it begins with (`--from`): weights, and the origin of what they were trained on. */
import { UserError } from "@sdgan/core";
import type { GanWeights } from "../artifacts/start.js";
import type { Prepared } from "../data/prepared.js";
import type { GanTrainer } from "./gan-trainer.js";

/**
 * Generator and average begin with the averaged generator, the discriminators with theirs if there are any. Optimizers
 * stay new.
 * @throws UserError if a state does not fit its network
 */
export function loadStart({ options }: GanTrainer, { file, generator, discriminators }: GanWeights): void {
  try {
    options.generator.loadStateDict(generator);
    options.average.loadStateDict(generator);
    for (const [i, state] of (discriminators ?? []).entries())
      options.discriminators[i]!.loadStateDict(state);
  } catch (error) {
    throw new UserError(`${file}: ${(error as Error).message}; give another --from`, {
      code: "checkpoint.mismatch",
      cause: error,
    });
  }
}

/** Names of data with licences, and the licences as JSON, as in a model's metadata; empty without licences. */
export type Origin = { dataSource?: string; dataLicences?: string };

/** The origin of the data and of what the starting weights were trained on. It goes with what is published. */
export function originOf({ source, licences }: Pick<Prepared, "source" | "licences">, start: Origin): Origin {
  const parts = [licences && { source, licences: licences as unknown[] }, parsed(start)].filter(
    (part) => part !== undefined,
  );
  if (parts.length === 0) return {};
  const all = parts.flatMap((part) => part.licences).map((licence) => JSON.stringify(licence));
  return {
    dataSource: [...new Set(parts.map((part) => part.source))].join(", "),
    dataLicences: `[${[...new Set(all)].join(",")}]`,
  };
}

function parsed({ dataSource, dataLicences }: Origin): { source: string; licences: unknown[] } | undefined {
  if (dataSource === undefined || dataLicences === undefined) return undefined;
  return { source: dataSource, licences: JSON.parse(dataLicences) as unknown[] };
}
