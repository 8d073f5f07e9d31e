import { expect, it } from "vitest";
import { SUPPORTED, unsupportedNode } from "./node-version.mjs";

it("refuses the versions of Node that lack what sdgan uses, in one line that says what to install", () => {
  const refused = [
    "14.21.3",
    "16.20.2",
    "18.20.8",
    "20.0.0",
    "20.18.3",
    "21.0.0",
    "21.7.3",
    "22.0.0",
    "22.1.0",
  ];
  const accepted = [
    "20.19.0",
    "20.19.5",
    "20.20.0",
    "22.2.0",
    "22.11.0",
    "22.12.0",
    "23.0.0",
    "24.1.0",
    "100.0.0",
  ];
  expect(refused.filter((version) => unsupportedNode(version) === undefined)).toEqual([]);
  expect(accepted.filter((version) => unsupportedNode(version) !== undefined)).toEqual([]);
  expect(unsupportedNode("21.7.3")).toBe(
    "Node 21.7.3 cannot run sdgan, which needs Node 20.19 or a later 20, or Node 22.2 or later. " +
      "Install a current Node from https://nodejs.org.",
  );
  expect(unsupportedNode()).toBe(undefined);
  expect(unsupportedNode("22.2.0-nightly20240601")).toBe(undefined);
});

it("reads its list in npm's notation, which it knows all of", () => {
  expect(SUPPORTED).toMatch(/^(\^|>=)\d+\.\d+\.\d+( \|\| (\^|>=)\d+\.\d+\.\d+)*$/);
});
