import { expect, it } from "vitest";
import { crc32, crc32c } from "./crc.js";

const digits = Buffer.from("123456789");

it("CRC-32: the check value of the catalogue, and the chunk that ends every PNG", () => {
  expect(crc32(digits)).toBe(0xcbf43926);
  expect(crc32(Buffer.from("IEND"))).toBe(0xae426082);
});

it("CRC-32C: the check value, and the vectors of RFC 3720, B.4", () => {
  expect(crc32c(digits)).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
});
