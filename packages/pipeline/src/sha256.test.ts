import { createHash } from "node:crypto";
import { afterEach, expect, it, vi } from "vitest";
import { sha256Of } from "./sha256.js";

afterEach(() => vi.unstubAllGlobals());

it.each(["secure contexts", "others"])("is the SHA-256 of Node in %s", async (where) => {
  if (where === "others") vi.stubGlobal("crypto", {});
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 167 + 13) & 0xff);
  for (const length of [0, 1, 55, 56, 64, 300]) {
    const some = bytes.slice(0, length);
    expect(await sha256Of(some), `${length} bytes`).toBe(createHash("sha256").update(some).digest("hex"));
  }
});
