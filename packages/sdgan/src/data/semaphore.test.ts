import { expect, it } from "vitest";
import { Semaphore } from "./semaphore.js";

it("admits callers in order, as far as there is capacity", async () => {
  const room = new Semaphore(10);
  const inside: string[] = [];
  const enter = async (name: string, amount: number) => {
    await room.take(amount);
    inside.push(name);
  };
  const all = [enter("a", 6), enter("b", 6), enter("c", 1), enter("d", 10)];
  await all[0];
  await new Promise(setImmediate);
  expect(inside).toEqual(["a"]); // c would fit, but has to wait behind b
  room.give(6);
  await all[2];
  expect(inside).toEqual(["a", "b", "c"]);
  room.give(6);
  room.give(1);
  await all[3];
  expect(inside).toEqual(["a", "b", "c", "d"]);
});
