/** A one-layer bidirectional LSTM over sentences of unequal length (Hochreiter and Schmidhuber, 1997). */
import { noGrad } from "../autograd.js";
import { empty, tensor, zeros } from "../creation.js";
import { call } from "../dispatch.js";
import { native } from "../native.js";
import { asOneCall } from "../recording.js";
import { scope } from "../scope.js";
import { isTensor, type Tensor } from "../tensor.js";
import * as init from "./init.js";
import { Module } from "./module.js";

export interface LstmOutput {
  /** Both directions' states at every position, zero for padding: [B, T, 2·hidden]. */
  output: Tensor;
  /** Each direction's state after its last word: [B, 2·hidden], forward then backward. */
  last: Tensor;
}

/** Parameter names and order of gates (input, forget, cell, output) are PyTorch's. */
export class BidirectionalLstm extends Module {
  readonly weights: Tensor[];
  /** The device of the last call. On a GPU, the weights are one block of memory there. */
  #together: string | undefined;

  constructor(
    inputSize: number,
    readonly hiddenSize: number,
  ) {
    super();
    const bound = 1 / Math.sqrt(hiddenSize);
    const made = (name: string, ...shape: number[]) =>
      this.parameter(name, init.uniform(empty(shape), -bound, bound));
    const gates = 4 * hiddenSize;
    this.weights = ["", "_reverse"].flatMap((direction) => [
      made(`weight_ih_l0${direction}`, gates, inputSize),
      made(`weight_hh_l0${direction}`, gates, hiddenSize),
      made(`bias_ih_l0${direction}`, gates),
      made(`bias_hh_l0${direction}`, gates),
    ]);
  }

  /**
   * input [B, T, inputSize], lengths of B sentences, each from 1 to T, as numbers or as integers in a tensor [B]. Padding
   * does not affect the result: sentences are packed position by position, longest sentence first.
   * Throws a `TypeError` for other lengths.
   */
  forward(input: Tensor, lengths: ArrayLike<number> | Tensor): LstmOutput {
    const [output, last] = asOneCall("node_torch::bidirectional_lstm", [input, lengths, this.weights], () =>
      this.#run(input, isTensor(lengths) ? lengths.toNumbers() : lengths),
    );
    return { output, last };
  }

  #run(input: Tensor, lengths: ArrayLike<number>): [output: Tensor, last: Tensor] {
    const [batch, places] = [native.size(input, 0), native.size(input, 1)];
    requireLengths(lengths, batch, places);
    const order = Array.from({ length: batch }, (_, i) => i).sort((a, b) => lengths[b]! - lengths[a]!);
    const inverse = order.map((_, i) => order.indexOf(i));
    const indices = (list: number[]) => tensor(list, { dtype: "int64", device: input.device });
    const sorted = input.indexSelect(0, indices(order));
    const sortedLengths = tensor(
      order.map((i) => lengths[i]!),
      { dtype: "int64" },
    );
    const [data, batchSizes] = call<[Tensor, Tensor]>("_pack_padded_sequence", sorted, sortedLengths, true);
    this.#lieTogether(input.device);
    const start = zeros([2, batch, this.hiddenSize], { dtype: input.dtype, device: input.device });
    const [packed, hidden] = call<[Tensor, Tensor, Tensor]>(
      "lstm.data",
      data,
      batchSizes,
      [start, start],
      this.weights,
      true,
      1,
      0,
      this.training,
      true,
    );
    const [padded] = call<[Tensor, Tensor]>("_pad_packed_sequence", packed, batchSizes, true, 0, places);
    const back = indices(inverse);
    const last = hidden.permute(1, 0, 2).reshape(batch, 2 * this.hiddenSize); // (direction, B, H) → (B, direction·H)
    return [padded.indexSelect(0, back), last.indexSelect(0, back)];
  }

  /** cuDNN needs all weights in one block of memory; else it copies them and warns at every call. */
  #lieTogether(device: string): void {
    const isDone = this.#together === device;
    this.#together = device;
    if (isDone || !device.startsWith("cuda")) return;
    const weightsOfLayer = 4;
    const modeOfLstm = 2;
    const [inputSize, projection, layers] = [native.size(this.weights[0]!, 1), 0, 1];
    noGrad(() =>
      scope(() => {
        call(
          "_cudnn_rnn_flatten_weight",
          this.weights,
          weightsOfLayer,
          inputSize,
          modeOfLstm,
          this.hiddenSize,
          projection,
          layers,
          false,
          true,
        );
      }),
    );
  }
}

function requireLengths(lengths: ArrayLike<number>, batch: number, places: number): void {
  if (lengths?.length !== batch)
    throw new TypeError(
      `BidirectionalLstm: expected ${batch} lengths, one per sentence, found ${lengths?.length}`,
    );
  for (let i = 0; i < batch; i++) {
    const length = lengths[i];
    if (!Number.isInteger(length) || length! < 1 || length! > places)
      throw new TypeError(
        `BidirectionalLstm: sentence ${i} has length ${String(length)}, expected 1 to ${places}`,
      );
  }
}
