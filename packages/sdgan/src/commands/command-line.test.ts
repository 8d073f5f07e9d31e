import { expect, it } from "vitest";
import { commandLine, flagOf } from "./command-line.js";

it("quotes words with special characters", () => {
  expect(commandLine("generate", "--caption", "a bird's wing", "--count", 4)).toBe(
    "npx sdgan generate --caption 'a bird'\\''s wing' --count 4",
  );
});

it("writes an option's flag as the command line accepts it", () => {
  expect(["data", "attributeClassifier"].map(flagOf)).toEqual(["--data", "--attribute-classifier"]);
});
