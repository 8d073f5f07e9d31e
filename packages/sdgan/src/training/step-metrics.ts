import type { Tensor } from "@sdgan/torch";

/**
 * The metrics of one step, by name: scalar tensors on the networks' device, so that the CPU does not wait for a GPU.
 * `docs/training.md` lists the names.
 */
export interface StepMetrics {
  /** Terms that are minimized: training stops if one is not finite. */
  losses: Record<string, Tensor>;
  /** Values that are only measured: NaN if a batch has nothing to measure. */
  statistics: Record<string, Tensor>;
}
