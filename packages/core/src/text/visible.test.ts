import { expect, it } from "vitest";
import { visible } from "./visible.js";

it("writes out what would act on the terminal, and leaves every script as it is", () => {
  expect(visible("a\nb\tc\r\x1b[31m\x00\x7f\x9b")).toBe("a\\nb\\tc\\r\\x1b[31m\\x00\\x7f\\x9b");
  expect(visible("evil\u202etxt\u2028\ud800")).toBe("evil\\u202etxt\\u2028\\ud800");
  expect(visible("größer, 鳥, طائر, 👩‍🎨")).toBe("größer, 鳥, طائر, 👩‍🎨");
});
