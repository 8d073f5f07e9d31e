import { UserError } from "@sdgan/core";
import { expect, it } from "vitest";
import { checkBackground } from "./background.js";

it.each(["white", "#fff", "#ff8800", "rgb(255, 136, 0)", "RED", "hsl(120, 100%, 50%)", "#ff8800ff"])(
  "accepts %s",
  async (colour) => {
    await checkBackground(colour);
  },
);

it.each(["redd", "", "#ff88", "#00000080", "transparent", "rgba(0, 0, 0, 0.5)", "12", "white black"])(
  "refuses %j in one line with an example",
  async (colour) => {
    const error: unknown = await checkBackground(colour).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    const reason = /^#ff88$|^#0{6}80|transparent|rgba/.test(colour)
      ? "is transparent, and images are stored without transparency"
      : "is not a CSS colour";
    expect((error as UserError).message).toBe(
      `--background: ${JSON.stringify(colour)} ${reason}. Give a colour such as white, "#ff8800" or "rgb(255, 136, 0)"`,
    );
  },
);
