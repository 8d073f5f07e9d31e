/** The evaluators that a configuration requests, where the data has the images that they need. */
import type { Config } from "@sdgan/core";
import type { Prepared } from "../data/prepared.js";
import type { DamsmEvaluator, Evaluator } from "./evaluator.js";

/**
 * The evaluator that the configuration requests; undefined, with a warning, if the data has too few images for it.
 * @throws TypeError if evaluations are requested and `make` creates no evaluator
 */
export function evaluatorOf(
  { evaluate, training }: Config,
  { dir, splits }: Prepared,
  { make, onWarning }: { make: () => Evaluator | undefined; onWarning: ((line: string) => void) | undefined },
): Evaluator | undefined {
  const { length } = splits.val.images;
  const isLacking = evaluate.every > 0 && length < fewestToValidate;
  const patience = training.patience > 0 ? ", and training.patience is ignored" : "";
  if (isLacking)
    onWarning?.(
      `${dir}: has ${length} validation images, and at least ${fewestToValidate} are needed, so the model is not evaluated ` +
        `during training${patience}: prepare the data again with a larger --val, or with a val split of its own`,
    );
  else if (evaluate.every === 0 && patience)
    onWarning?.(`evaluate.every is 0, so the model is not evaluated during training${patience}`);
  if (isLacking) return undefined;
  const evaluator = make();
  if (evaluate.every > 0 && !evaluator)
    throw new TypeError("train: evaluate.every is not 0, so makeEvaluator is needed");
  return evaluator;
}

/** The same for DAMSM. */
export function damsmEvaluatorOf(
  { damsm: { evaluateEvery } }: Config,
  { dir, splits }: Prepared,
  {
    make,
    onWarning,
  }: { make: () => DamsmEvaluator | undefined; onWarning: ((line: string) => void) | undefined },
): DamsmEvaluator | undefined {
  if (evaluateEvery === 0) return undefined;
  const { length } = splits.val.images;
  if (length < fewestToValidate) {
    onWarning?.(
      `${dir}: has ${length} validation images, and at least ${fewestToValidate} are needed, so DAMSM is not measured during ` +
        "training and the last one is kept: prepare the data again with a larger --val, or with a val split of its own",
    );
    return undefined;
  }
  const evaluator = make();
  if (!evaluator) throw new TypeError("train: damsm.evaluateEvery is not 0, so makeDamsmEvaluator is needed");
  return evaluator;
}

/** A distance between distributions, or a choice, needs at least two images. */
const fewestToValidate = 2;
