import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { addonFacts, addonPath, setupCommand, writeRecord } from "./addon-path.mjs";

/** A package, and a cache with its addon. */
function installed(place = "packages/some") {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "sdgan-addon-path-")));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const folder = join(root, place);
  mkdirSync(folder, { recursive: true });
  const version = (number: string) =>
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "@test/some", version: number }));
  version("1.0.0");
  const env = { XDG_CACHE_HOME: join(root, "cache") };
  const cache = join(root, "cache/sdgan");
  const addon = join(cache, "some-1.0.0-abc/some.node");
  mkdirSync(join(addon, ".."), { recursive: true });
  writeFileSync(addon, "");
  return { root, folder, version, place: { env }, cache, addon };
}

test("a package finds the addon that set-up recorded, and its build facts", () => {
  const { folder, place, cache, addon } = installed();
  expect(() => addonPath(folder, place)).toThrow(
    /^@test\/some has no addon for .* yet\. Run: npm run setup$/,
  );
  writeRecord(folder, addon, cache);
  expect(addonPath(folder, place)).toBe(addon);
  expect(addonFacts(folder, place)).toBeUndefined();
  writeFileSync(join(addon, "../some.json"), '{ "library": "2.0" }');
  expect(addonFacts(folder, place)).toEqual({ library: "2.0", addon });
});

test("two versions never mix, in the same folder or in two", () => {
  const { root, folder, version, place, cache, addon } = installed();
  writeRecord(folder, addon, cache);
  const other = join(root, "packages/other");
  cpSync(folder, other, { recursive: true });
  expect(() => addonPath(other, place)).toThrow("has no addon");
  version("1.1.0");
  expect(() => addonPath(folder, place)).toThrow("has version 1.1.0, but its addon has version 1.0.0");
});

test("a deleted addon is reported as an error", () => {
  const { folder, place, cache, addon } = installed("project/node_modules/some");
  writeRecord(folder, addon, cache);
  rmSync(addon);
  expect(() => addonPath(folder, place)).toThrow(
    /addon of @test\/some no longer exists: .*some\.node\. Run: npx sdgan setup$/,
  );
});

test("an installed package names the command of installed packages", () => {
  expect(setupCommand(installed("project/node_modules/.pnpm/some/node_modules/some").folder)).toBe(
    "npx sdgan setup",
  );
  expect(setupCommand(installed("packages/some").folder)).toBe("npm run setup");
});
