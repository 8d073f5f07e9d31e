/** Whether all processes of a training have the same weights. */
import { createHash } from "node:crypto";
import { UserError } from "@sdgan/core";
import { scope } from "@sdgan/torch";
import type { TrainingState } from "../artifacts/checkpoints.js";
import type { Processes } from "../distributed/processes.js";

/**
 * Compares a hash of the state of all processes: weights, optimizers, random numbers, loader. BN's running statistics are
 * not compared: they differ unless `training.syncBatchNorm` is true.
 * @throws UserError in all processes if one differs, with its number
 */
export function requireSameStates(
  step: number,
  state: TrainingState,
  processes: Pick<Processes, "everyones">,
): void {
  const hashes = processes.everyones(hashOf(state)).map((bytes) => Buffer.from(bytes).toString("hex"));
  const count = (hash: string) => hashes.filter((other) => other === hash).length;
  // With as many processes on both sides, those that differ from process 0 are named.
  const usual = hashes.reduce((best, hash) => (count(hash) > count(best) ? hash : best));
  const others = hashes.flatMap((hash, rank) => (hash === usual ? [] : [rank]));
  if (others.length === 0) return;
  const named = others.length === 1 ? `process ${others[0]}` : `processes ${others.join(", ")}`;
  throw new UserError(
    `step ${step}: the weights of ${named} differ from those of the others, so training stopped; the last checkpoint is ` +
      "kept. Use machines with the same kind of processor or GPU and the same libtorch, then start all processes again with " +
      "--resume",
    { code: "training.failed" },
  );
}

/** 32 bytes. */
export function hashOf({ tensors, values }: TrainingState): Uint8Array {
  const hash = createHash("sha256");
  for (const [name, tensor] of tensors) {
    if (/running_(mean|var)$/.test(name)) continue;
    hash.update(name).update(scope(() => tensor.toBytes()));
  }
  return hash.update(JSON.stringify(values)).digest();
}
