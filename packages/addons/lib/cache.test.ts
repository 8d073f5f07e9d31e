import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { cacheFolder, cacheFolders } from "./cache.mjs";

/** A home folder, and a folder for temporary files. */
function machine() {
  const root = mkdtempSync(join(tmpdir(), "sdgan-cache-test-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const temporary = join(root, "tmp");
  mkdirSync(temporary);
  const lines: string[] = [];
  return {
    root,
    temporary,
    fallback: join(temporary, `sdgan-cache-${process.getuid?.()}`),
    lines,
    say: (line: string) => void lines.push(line),
  };
}

test("the cache is in XDG_CACHE_HOME, else in the home folder", () => {
  const { root, temporary, say, lines } = machine();
  const env = { HOME: join(root, "home"), XDG_CACHE_HOME: join(root, "xdg") };
  expect(cacheFolder({ env, temporary, say })).toBe(join(root, "xdg/sdgan"));
  expect(existsSync(join(root, "xdg/sdgan"))).toBe(true);
  expect(cacheFolder({ env: { HOME: env.HOME }, temporary, say })).toBe(join(root, "home/.cache/sdgan"));
  const relative = { ...env, XDG_CACHE_HOME: "relative" };
  expect(cacheFolder({ env: relative, temporary, say })).toBe(join(root, "home/.cache/sdgan"));
  expect(cacheFolders({ env, temporary })).toEqual([join(root, "xdg/sdgan")]);
  expect(lines).toEqual([]);
});

describe("without a writable home folder", () => {
  /** A file in place of the folder: not even root can write there. */
  function withoutHome() {
    const here = machine();
    writeFileSync(join(here.root, "file"), "");
    return { ...here, env: { HOME: join(here.root, "file") } };
  }

  test("a private temporary folder is used, and is found again", () => {
    const { env, temporary, fallback, say, lines } = withoutHome();
    expect(cacheFolder({ env, temporary, say })).toBe(fallback);
    expect(statSync(fallback).mode & 0o777).toBe(0o700);
    expect(lines.join()).toMatch(/^! .*file.* is not writable \(\w+\): .* used instead[\s\S]*XDG_CACHE_HOME/);
    expect(cacheFolders({ env, temporary })).toContain(fallback);
  });

  test("a temporary folder that others can write to is refused", () => {
    const { env, temporary, fallback } = withoutHome();
    mkdirSync(fallback);
    chmodSync(fallback, 0o777);
    expect(() => cacheFolder({ env, temporary })).toThrow(/by other users[\s\S]*set XDG_CACHE_HOME/);
    expect(cacheFolders({ env, temporary })).not.toContain(fallback);
  });

  test("a symbolic link of another user is refused", () => {
    const { env, root, temporary, fallback } = withoutHome();
    mkdirSync(join(root, "elsewhere"));
    symlinkSync(join(root, "elsewhere"), fallback);
    expect(() => cacheFolder({ env, temporary })).toThrow("is not a folder");
    expect(cacheFolders({ env, temporary })).not.toContain(fallback);
  });
});
