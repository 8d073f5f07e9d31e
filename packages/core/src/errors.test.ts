import { expect, it } from "vitest";
import { UserError, userErrorCodes } from "./errors.js";

it("has a code and a cause besides its message", () => {
  const cause = new Error("ENOENT");
  const error = new UserError("a.png: no such file", { code: "file.missing", cause });
  expect(error).toBeInstanceOf(Error);
  expect({ ...error, message: error.message, cause: error.cause }).toEqual({
    name: "UserError",
    code: "file.missing",
    message: "a.png: no such file",
    cause,
  });
});

it("has a default code, and no cause, if neither is given", () => {
  const error = new UserError("broken");
  expect(error.code).toBe("invalid");
  expect("cause" in error).toBe(false);
});

it("keeps its codes stable", () => {
  expect(Object.keys(userErrorCodes).join(" ")).toBe(
    "usage config.invalid caption.empty caption.unknown-words vocabulary.invalid model.invalid file.missing " +
      "file.invalid file.exists file.system data.invalid data.mismatch checkpoint.mismatch export.differs " +
      "run.busy device.unavailable training.failed process.lost interrupted invalid",
  );
});
