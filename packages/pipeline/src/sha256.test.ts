import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { sha256, sha256Of } from "./sha256.js";

it("is the SHA-256 of Node for every length around the ends of blocks", async () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 167 + 13) & 0xff);
  for (let length = 0; length <= bytes.length; length++) {
    const some = bytes.subarray(0, length);
    const expected = createHash("sha256").update(some).digest("hex");
    expect(Buffer.from(sha256(some)).toString("hex"), `${length} bytes`).toBe(expected);
    expect(await sha256Of(some), `${length} bytes`).toBe(expected);
  }
});
