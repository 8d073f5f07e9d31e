import type { Tensor } from "@sdgan/torch";

/**
 * What one step measured, by name: tensors of one number on the networks' device, so that a GPU need not be waited for.
 * `docs/training.md` lists the names.
 */
export interface StepMetrics {
  /** What is minimized: training stops where one is not finite. */
  losses: Record<string, Tensor>;
  /** What is only measured: NaN where a batch has nothing to measure it on. */
  statistics: Record<string, Tensor>;
}
