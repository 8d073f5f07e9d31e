import { ones, type Tensor, tensor } from "@sdgan/torch";
import { expect, it } from "vitest";
import type { TrainingState } from "../artifacts/checkpoints.js";
import { hashOf, requireSameStates } from "./same-states.js";

const state = (weight: number, more: Record<string, Tensor> = {}): TrainingState => ({
  tensors: new Map(Object.entries({ "generator.fc.weight": tensor([weight, 2]), ...more })),
  values: { steps: 3 },
});
/** Processes with these states. */
const processes = (...states: TrainingState[]) => ({ everyones: () => states.map(hashOf) });
const check = (...states: TrainingState[]) => requireSameStates(7, states[0]!, processes(...states));

it("accepts equal states, whose running statistics may differ", () => {
  check(state(1), state(1), state(1));
  check(state(1, { "norm.running_mean": ones([2]) }), state(1, { "norm.running_mean": tensor([3, 4]) }));
});

it("names the processes that differ from most, or else from the first", () => {
  const differ = /^step 7: the weights of process (\d) differ from those of the others, so training stopped/;
  expect(() => check(state(1), state(1), state(1.0000001192092896))).toThrow(differ);
  const found = (...states: TrainingState[]) => {
    try {
      check(...states);
    } catch (error) {
      return /process(?:es)? [\d, ]+/.exec(String(error))?.[0].trim();
    }
    return undefined;
  };
  expect(found(state(1), state(1), state(2))).toBe("process 2");
  expect(found(state(3), state(1), state(1))).toBe("process 0");
  expect(found(state(1), state(2))).toBe("process 1");
  expect(found(state(1), state(1), state(2), state(3), state(1))).toBe("processes 2, 3");
});

it("compares values beside tensors, and names of tensors", () => {
  expect(() => check(state(1), { ...state(1), values: { steps: 4 } })).toThrow("process 1");
  const renamed = { ...state(1), tensors: new Map([["other", tensor([1, 2])]]) };
  expect(() => check(state(1), renamed)).toThrow("process 1");
});
