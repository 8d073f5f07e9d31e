import { call, type nn, noGrad, type Tensor } from "@sdgan/torch";

/** A network whose state is the moving average of another one's. */
export class MovingAverage {
  readonly #averages: Tensor[] = [];
  readonly #values: Tensor[] = [];

  /** Both must be of one structure, which stays as it is. */
  constructor(average: nn.Module, network: nn.Module) {
    const own = average.stateDict();
    for (const [name, tensor] of network.stateDict()) {
      this.#averages.push(own.get(name)!);
      this.#values.push(tensor);
    }
  }

  /**
   * average ← decay · average + (1 − decay) · network; integers are copied. In the first steps the decay is smaller,
   * (1 + steps) / (10 + steps), so that the random initial weights soon lose their influence.
   */
  update(decay: number, steps: number): void {
    const weight = 1 - Math.min(decay, (1 + steps) / (10 + steps));
    noGrad(() => call("node_torch::move_averages_", this.#averages, this.#values, weight));
  }
}
