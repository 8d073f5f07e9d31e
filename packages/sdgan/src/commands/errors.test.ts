import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { CommanderError } from "commander";
import { afterEach, expect, it, vi } from "vitest";
import { describeError, run, UsageError } from "./errors.js";

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

/** A real error of the file system. */
function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

it("prints a user's mistake in one line, whatever it quotes", () => {
  expect(describeError(new UserError('caption "a\n\x1b[31mb": empty'))).toEqual({
    line: 'sdgan: caption "a\\n\\x1b[31mb": empty',
    exitCode: 1,
  });
  expect(describeError(new UsageError("--minutes and --steps: give one"))).toEqual({
    line: "sdgan: --minutes and --steps: give one",
    exitCode: 2,
  });
});

it("wrong usage has its own code", () => {
  expect(new UsageError("give one").code).toBe("usage");
  expect(new UserError("broken").code).toBe("invalid");
});

it("reports a missing addon in one line with the command to run, not as a bug", () => {
  const failure = Object.assign(new Error("no addon yet. Run: npx sdgan setup"), { name: "Failure" });
  expect(describeError(failure)).toEqual({
    line: "sdgan: no addon yet. Run: npx sdgan setup",
    exitCode: 1,
  });
});

it("reports a full GPU memory with a remedy", () => {
  const full =
    "aten::conv2d(input: tensor float32[64, 3, 8, 8]): CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has …";
  expect(describeError(new Error(full))).toEqual({
    line: "sdgan: CUDA out of memory. Tried to allocate 2.00 GiB: train with a smaller batch (--set training.batch=16), or use --device cpu",
    exitCode: 1,
  });
});

it("does not repeat what the option parser has printed", () => {
  expect(describeError(new CommanderError(1, "commander.unknownOption", "error"))).toEqual({ exitCode: 2 });
  expect(describeError(new CommanderError(0, "commander.helpDisplayed", ""))).toEqual({ exitCode: 0 });
});

it.skipIf(process.platform !== "linux")("names the path when the disk is full", () => {
  const error = thrownBy(() => writeFileSync("/dev/full", "x"));
  expect(describeError(error).exitCode).toBe(1);
  expect(describeError(error).line).toMatch(/^sdgan: .*: the disk is full \(ENOSPC\)$/);
});

it("names the path for every error of the file system", () => {
  const path = join(import.meta.dirname, "none", "file");
  const error = thrownBy(() => readFileSync(path));
  expect(describeError(error)).toEqual({
    line: `sdgan: ${path}: no such file or folder (ENOENT)`,
    exitCode: 1,
  });
  for (const code of ["EACCES", "EROFS", "EMFILE"]) {
    const made = Object.assign(new Error(code), { code, syscall: "open", path: "/data/a.png" });
    expect(describeError(made).line).toMatch(new RegExp(`^sdgan: /data/a\\.png: .* \\(${code}\\)$`));
  }
});

it("reports every other error as a bug", () => {
  expect(describeError(new TypeError("x is\nnot a function"))).toEqual({
    line: "sdgan: TypeError: x is\\nnot a function. This is a bug in sdgan; SDGAN_DEBUG=1 shows where.",
    exitCode: 1,
  });
  expect(describeError(undefined).exitCode).toBe(1);
  expect(describeError("text").line).toContain("text");
});

it("run prints the line, sets the exit code, and prints the stack only with SDGAN_DEBUG=1", async () => {
  const printed = vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(process, "on").mockReturnValue(process);
  vi.spyOn(process.stdout, "on").mockReturnValue(process.stdout);
  const fail = async () => {
    throw new UserError("wrong");
  };
  await run(fail);
  expect(printed.mock.calls).toEqual([["sdgan: wrong"]]);
  expect(process.exitCode).toBe(1);
  vi.stubEnv("SDGAN_DEBUG", "1");
  await run(fail);
  vi.unstubAllEnvs();
  expect(printed.mock.calls).toHaveLength(3);
  expect(printed.mock.calls[2]![0]).toContain("errors.test.ts");
});
