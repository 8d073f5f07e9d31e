/** The options of the programs that send or read mutated input. */
import { parseArgs } from "node:util";
import { Failure } from "../packages/addons/lib/failure.mjs";

/** @returns {{ cases: number, seed: number }} of `--cases` and `--seed` */
export function fuzzOptions() {
  const { values } = parseArgs({
    options: { cases: { type: "string", default: "3000" }, seed: { type: "string", default: "1" } },
  });
  const cases = Number(values.cases);
  const seed = Number(values.seed);
  if (!Number.isInteger(cases) || !Number.isInteger(seed))
    throw new Failure("--cases and --seed must be integers.");
  return { cases, seed };
}
