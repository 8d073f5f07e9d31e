import { UserError } from "@sdgan/core";
import { expect, it } from "vitest";
import { loadVocabulary } from "./vocabulary-file.js";

it("names a missing file, and one that cannot be read", () => {
  expect(() => loadVocabulary(import.meta.dirname)).toThrow(/util: it is a folder, not a file \(EISDIR\)$/);
  expect(() => loadVocabulary("nowhere/none.json")).toThrow(UserError);
  expect(() => loadVocabulary("nowhere/none.json")).toThrow(/nowhere\/none\.json: not a vocabulary .*ENOENT/);
});
