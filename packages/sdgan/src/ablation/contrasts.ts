/** Contrasts: which variants are subtracted from which, and the differences seed by seed. */
import { UserError } from "@sdgan/core";
import { loadConfig } from "../config/load.js";
import { equalVariants, variantNamed } from "./plan.js";
import { measures } from "./run-figures.js";
import { type Comparison, compare, type MeasuredRun } from "./table.js";
import { settingsOf, variants } from "./variants.js";

/** `one` minus `other`, by names of variants. */
export interface ContrastNames {
  one: string;
  other: string;
}

/** The differences of two variants, one per figure that both have. */
export interface Contrast extends ContrastNames {
  comparisons: Comparison[];
}

/** The two variants that SD-GAN's claim is about. */
export const claim = { full: "full", baseline: "baseline" } as const;

/** The pairs as sampled for the full method, without its loss: what the loss adds is full minus control. */
const control = "contrastive-none";

/**
 * The contrasts that every ablation reports, and those `asked` for: the full method minus the control, minus the
 * baseline and minus its SCBN alone, and the control minus that SCBN. Variants of equal configuration are one variant, and
 * a variant is not subtracted from itself.
 * @throws UserError for an unknown variant, or one minus itself, in `asked`
 */
export function contrastsToReport(
  config: string,
  set: readonly string[] = [],
  asked: readonly ContrastNames[] = [],
): ContrastNames[] {
  for (const { one, other } of asked) {
    for (const name of [one, other]) variantNamed(name, "--contrast");
    if (one === other)
      throw new UserError(`--contrast ${one},${other}: expected two different variants`, { code: "usage" });
  }
  const { full, baseline } = claim;
  const scbn = scbnAlone(config, set);
  return onceEach(
    [
      { one: full, other: control },
      { one: full, other: baseline },
      ...(scbn ? [full, control].map((one) => ({ one, other: scbn })) : []),
      ...asked,
    ],
    equalVariants(config, set),
  );
}

/**
 * The differences of each contrast, on the seeds that both variants have. Contrasts without such a seed are left out.
 * @param equal result of `equalVariants`
 */
export function contrastsOf(
  runs: readonly MeasuredRun[],
  names: readonly ContrastNames[],
  equal: ReadonlyMap<string, string>,
): Contrast[] {
  return names.flatMap(({ one, other }): Contrast[] => {
    const [first, second] = [equal.get(one) ?? one, equal.get(other) ?? other];
    const comparisons = compare(measures, runs, first, second);
    return comparisons.length > 0 ? [{ one, other, comparisons }] : [];
  });
}

/** The variant with the configuration's SCBN and nothing else of the method, if there is one. */
function scbnAlone(config: string, set: readonly string[]): string | undefined {
  const base = loadConfig(config, set);
  const kindsOf = (settings: readonly string[]) =>
    loadConfig(config, [...set, ...settings]).generator.scbn.join();
  const configured = base.generator.scbn.join();
  return variants.find(
    (variant) =>
      !variant.siamese && variant.scbn !== "none" && kindsOf(settingsOf(variant, base)) === configured,
  )?.name;
}

function onceEach(names: readonly ContrastNames[], equal: ReadonlyMap<string, string>): ContrastNames[] {
  const known = new Set<string>();
  return names.filter(({ one, other }) => {
    const [first, second] = [equal.get(one) ?? one, equal.get(other) ?? other];
    const key = `${first} ${second}`;
    if (first === second || known.has(key)) return false;
    known.add(key);
    return true;
  });
}
