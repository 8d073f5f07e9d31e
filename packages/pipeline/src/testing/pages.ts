/** For tests: the page of the package's README, and an empty one that finds the same packages. */
import { readFileSync } from "node:fs";

/** The first example in HTML of the README. */
export function readmePage(): string {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  return /```html\n([\s\S]*?)```/.exec(readme)![1]!;
}

/** A page with the import map of the README and no content. */
export function emptyPage(): string {
  const [map] = /<script type="importmap">[\s\S]*?<\/script>/.exec(readmePage())!;
  return `<!doctype html><meta charset="utf-8">${map}`;
}
