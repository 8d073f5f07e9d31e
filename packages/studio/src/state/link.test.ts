import { expect, it } from "vitest";
import { formatLink, type Link, parseLink, VIEWS } from "./link.js";

it("links are read as they were written", () => {
  const links: Link[] = [
    ...VIEWS.map((view) => ({ view })),
    { view: "generate", prompt: "a red bird & 50 % of #wings + 笑脸?", seed: 7, model: "birds-64" },
    { view: "inside", prompt: "\u0627\u0644\u0637\u0627\u0626\u0631", seed: 0 },
  ];
  for (const link of links) expect(parseLink(formatLink(link))).toEqual(link);
});

it("leaves out what is not valid, and shows the first view for an unknown one", () => {
  expect(parseLink("")).toEqual({ view: "generate" });
  expect(parseLink("#/nothing?seed=-1&model=")).toEqual({ view: "generate" });
  expect(parseLink("#/walk?seed=1e3&prompt=")).toEqual({ view: "walk" });
  expect(parseLink("#/walk?seed=99999999999999999999")).toEqual({ view: "walk" });
  expect(parseLink(`#/generate?prompt=${"a".repeat(5000)}`).prompt).toHaveLength(2000);
});

it("does not read models from elsewhere", () => {
  for (const model of ["https://example.org/m/", "../secret", "a/b", "//host", ".hidden", "data:x"])
    expect(parseLink(`#/generate?model=${encodeURIComponent(model)}`)).toEqual({ view: "generate" });
});
