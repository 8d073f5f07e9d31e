import { call, type nn, noGrad, scope, type Tensor } from "@sdgan/torch";

/**
 * Moves the average of a network's state towards the network: average ← decay · average + (1 − decay) · network.
 * In the first steps the decay is smaller, (1 + steps) / (10 + steps), so that the random initial weights soon lose
 * their influence.
 */
export function updateAverage(average: nn.Module, network: nn.Module, decay: number, steps: number): void {
  const weight = 1 - Math.min(decay, (1 + steps) / (10 + steps));
  noGrad(() =>
    scope(() => {
      const own = average.stateDict();
      const [averages, values]: [Tensor[], Tensor[]] = [[], []];
      for (const [name, tensor] of network.stateDict()) {
        if (tensor.dtype === "int64") own.get(name)!.copy_(tensor);
        else {
          averages.push(own.get(name)!);
          values.push(tensor);
        }
      }
      call("node_torch::move_averages_", averages, values, weight);
    }),
  );
}
