/** The GAN's networks and optimizers in a checkpoint. */
import type { Tensor } from "@sdgan/torch";
import type { TrainingState } from "../artifacts/checkpoints.js";
import { joinStates, stateUnder } from "../artifacts/tensor-file.js";
import type { Device } from "../compute/device.js";
import { randomState } from "../compute/random-streams.js";
import type { GanTrainer } from "./gan-trainer.js";

/** The state of networks, optimizers and the device's random number generator, for a checkpoint. */
export function stateOf(
  { options, generatorOptimizer, discriminatorOptimizers }: GanTrainer,
  device: Device,
): Map<string, Tensor> {
  const states: Record<string, ReadonlyMap<string, Tensor>> = {
    generator: options.generator.stateDict(),
    average: options.average.stateDict(),
    generatorAdam: generatorOptimizer.stateDict(),
    random: randomState(device),
  };
  for (const [i, discriminator] of options.discriminators.entries()) {
    states[`discriminator${i}`] = discriminator.stateDict();
    states[`discriminatorAdam${i}`] = discriminatorOptimizers[i]!.stateDict();
  }
  return joinStates(states);
}

/** Restores networks and optimizers, and their numbers of steps. */
export function restoreNetworks(
  { options, generatorOptimizer, discriminatorOptimizers }: GanTrainer,
  tensors: TrainingState["tensors"],
  values: TrainingState["values"],
): void {
  const steps = values.steps as number;
  // Imported weights, and checkpoints from before stages could grow, have no numbers of their own.
  const { discriminatorSteps = options.discriminators.map(() => steps) } = values as {
    discriminatorSteps?: number[];
  };
  options.generator.loadStateDict(stateUnder(tensors, "generator"));
  options.average.loadStateDict(stateUnder(tensors, "average"));
  generatorOptimizer.loadStateDict(stateUnder(tensors, "generatorAdam"), steps);
  for (const [i, discriminator] of options.discriminators.entries()) {
    discriminator.loadStateDict(stateUnder(tensors, `discriminator${i}`));
    discriminatorOptimizers[i]!.loadStateDict(
      stateUnder(tensors, `discriminatorAdam${i}`),
      discriminatorSteps[i]!,
    );
  }
}
