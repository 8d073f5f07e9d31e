import { describe, expect, it } from "vitest";
import { failureOf } from "./failure.js";

const about = { rank: 1, worldSize: 3, operation: "allReduce", timeoutMs: 60_000 };
const at12 = "12|allReduce sum of float32[3]|Timed out";

describe("a failed operation names the ranks that failed first", () => {
  it.each([
    { answers: [at12, at12, ""], suspects: [2], cause: "Rank 2 gave no answer" },
    { answers: ["", at12, ""], suspects: [0, 2], cause: "Ranks 0 and 2 gave no answer" },
    { answers: [at12, at12, "12||"], suspects: [2], cause: "Rank 2 had not called it in time" },
    { answers: ["11|barrier|", at12, at12], suspects: [0], cause: "Rank 0 had not called it in time" },
    { answers: [at12, "12||", at12], suspects: [1], cause: "This rank had not called it in time" },
    { answers: null, suspects: [0], cause: "The store does not answer: rank 0" },
  ])("$answers", ({ answers, suspects, cause }) => {
    const error = failureOf(["Timed out", 12, answers], about);
    expect(error.message).toContain(
      "rank 1 of 3: allReduce (operation 12 of the group, timeout 60 s) failed: Timed out. ",
    );
    expect(error.message).toContain(cause);
    expect(error).toMatchObject({ rank: 1, operation: "allReduce", suspects });
  });

  it("if all are alive, the first report that is not about another rank is shown", () => {
    const answers = ["12|barrier|rank 2 reported a failure", at12, "12|barrier|Connection reset by peer"];
    const { message, suspects } = failureOf(["Timed out", 12, answers], about);
    expect(message).toContain(
      "All ranks are alive; rank 2 reports: Connection reset by peer. Check the network",
    );
    expect(suspects).toEqual([]);
  });

  it("rank 0, which serves the store, does not blame itself", () => {
    const { message, suspects } = failureOf(["Timed out", 12, null], { ...about, rank: 0 });
    expect(message).toContain("The store could not be read");
    expect(suspects).toEqual([]);
  });

  it("many ranks are shortened", () => {
    const answers = Array.from({ length: 20 }, (_, rank) => (rank === 1 ? at12 : ""));
    expect(failureOf(["Timed out", 12, answers], { ...about, worldSize: 20 }).message).toContain(
      "Ranks 0, 2, 3, 4, 5, 6, 7, 8 and 11 more gave no answer",
    );
  });

  it("operations of a closed group", () => {
    expect(failureOf(["the group was closed", 3, null], about).message).toMatch(
      /Wait for all operations before close/,
    );
  });
});
