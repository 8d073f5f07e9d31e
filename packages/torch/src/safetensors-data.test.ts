import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type DType, elementSize, ones, scope, tensor } from "./index.js";
import { memoryInUse } from "./runtime.js";
import { readElements, writeElements } from "./safetensors-data.js";

const folder = mkdtempSync(join(tmpdir(), "safetensors-data-"));
const path = join(folder, "data");
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const dtypes = Object.keys(elementSize) as DType[];

describe("a tensor in pieces", () => {
  it.each(dtypes)("%s: is written and read the same by pieces of any size", (dtype) => {
    const whole = tensor(
      Array.from({ length: 33 }, (_, i) => (i % 2) + (i % 5)),
      { dtype },
    ).view(3, 11);
    const expected = Buffer.from(whole.t().toBytes());
    // Less than an element, not a multiple of one, a part, exactly all, more than all.
    for (const piece of [1, 13, 16, expected.length, 2 ** 20]) {
      writeFileSync(path, "");
      const fresh = openSync(path, "r+");
      writeElements(fresh, whole.t(), piece);
      expect(readFileSync(path), `written by ${piece}`).toEqual(expected);
      const read = readElements(fresh, 0, { shape: [11, 3], dtype }, piece);
      closeSync(fresh);
      expect([read.dtype, read.shape]).toEqual([dtype, [11, 3]]);
      expect(Buffer.from(read.toBytes()), `read by ${piece}`).toEqual(expected);
    }
  });

  it("accepts no elements, and no dimensions", () => {
    writeFileSync(path, "");
    const fresh = openSync(path, "r+");
    writeElements(fresh, ones([0, 3]), 4);
    writeElements(fresh, tensor(7), 4);
    expect(readElements(fresh, 0, { shape: [0, 3], dtype: "float32" }, 4).shape).toEqual([0, 3]);
    expect(readElements(fresh, 0, { shape: [], dtype: "float32" }, 4).item()).toBe(7);
    closeSync(fresh);
  });

  it("starts at any position, and ends with the file", () => {
    writeFileSync(path, Buffer.from([9, 1, 2, 3, 4, 5]));
    const fresh = openSync(path, "r");
    const shape = { shape: [5], dtype: "uint8" } as const;
    expect(readElements(fresh, 1, shape, 2).toNumbers()).toEqual([1, 2, 3, 4, 5]);
    expect(() => readElements(fresh, 2, shape, 2)).toThrow(/it ended at byte 6/);
    closeSync(fresh);
  });

  it("reads any byte other than 0 as true", () => {
    writeFileSync(path, Buffer.from([0, 1, 7, 255]));
    const fresh = openSync(path, "r");
    const read = readElements(fresh, 0, { shape: [4], dtype: "bool" }, 2);
    closeSync(fresh);
    expect([...read.toBytes()]).toEqual([0, 1, 1, 1]);
  });

  it("keeps only the tensor in memory", () => {
    writeFileSync(path, Buffer.alloc(4000));
    const fresh = openSync(path, "r+");
    const before = memoryInUse();
    scope(() => {
      const read = readElements(fresh, 0, { shape: [1000], dtype: "float32" }, 64);
      const held = memoryInUse() - before;
      expect(held).toBeLessThan(5000);
      writeElements(fresh, read, 64);
      expect(memoryInUse() - before).toBe(held);
    });
    expect(memoryInUse()).toBe(before);
    closeSync(fresh);
  });
});
