import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { full, manualSeed, ones, saveSafetensors, type Tensor, tensor, zeros } from "@sdgan/torch";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { InceptionTrunk, InceptionV3 } from "../models/inception/inception-v3.js";
import { sha256Of } from "../util/sha256.js";
import { loadInception } from "./inception-file.js";

const folder = mkdtempSync(join(tmpdir(), "sdgan-inception-"));
afterAll(() => rmSync(folder, { recursive: true }));

let state: Map<string, Tensor>;
let network: InceptionTrunk;
beforeAll(() => {
  manualSeed(1);
  state = new InceptionV3("torchvision").stateDict();
  network = new InceptionTrunk("torchvision");
});
beforeEach(() => {
  network.Mixed_7c.branch1x1.conv.weight.requiresGrad = false;
  network.Mixed_7c.branch1x1.conv.weight.zero_();
});

function file(name: string, change: (tensors: Map<string, Tensor>) => void = () => {}): string {
  const tensors = new Map(state);
  change(tensors);
  const path = join(folder, name);
  saveSafetensors(path, tensors);
  return path;
}

const loaded = () =>
  network.Mixed_7c.branch1x1.conv.weight
    .eq(state.get("Mixed_7c.branch1x1.conv.weight")!)
    .to("float32")
    .mean()
    .item();

function refusal(path: string, into: InceptionTrunk = network): string {
  try {
    loadInception(into, path);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toContain(path);
    expect((error as Error).message).not.toContain("\n");
    return (error as Error).message;
  }
  throw new Error("nothing was refused");
}

describe("Inception's weights", () => {
  it("are loaded by name, ignoring classifiers that the network does not have; batch counts may be missing", () => {
    const path = file("old.safetensors", (tensors) => {
      for (const name of tensors.keys()) if (name.endsWith("num_batches_tracked")) tensors.delete(name);
      tensors.set("AuxLogits.fc.bias", zeros([1000]));
    });
    loadInception(network, path);
    expect(loaded()).toBe(1);
    const whole = new InceptionV3("torchvision");
    loadInception(whole, path);
    expect(whole.fc.bias!.toNumbers()).toEqual(state.get("fc.bias")!.toNumbers());
  });

  it("are recognized by the file's content, not by its name", () => {
    loadInception(network, file("weights.pth"));
    expect(loaded()).toBe(1);
    const pytorch = join(import.meta.dirname, "../../../torch/golden/pth/text_encoder.pth");
    expect(refusal(pytorch)).toMatch(/is DAMSM's text encoder, not Inception-v3; give torchvision's weights/);
    expect(refusal(join(pytorch, "../zip.pth"))).toMatch(
      /is not Inception-v3: Conv2d_1a_3x3\.conv\.weight is missing; its tensors are named weight, .*torchvision's weights/,
    );
  });

  it("are found under a key and with prefixes of wrappers, and named there", () => {
    const wrapped = file("wrapped.safetensors", (tensors) => {
      tensors.clear();
      for (const [i, [name, tensor]] of [...state].entries())
        tensors.set(`model.${i % 2 ? "module." : ""}${name}`, tensor);
    });
    loadInception(network, wrapped);
    expect(loaded()).toBe(1);
    const lacking = file("lacking.safetensors", (tensors) => {
      tensors.clear();
      for (const [name, tensor] of state)
        if (name !== "Mixed_6e.branch1x1.bn.weight") tensors.set(`ema.${name}`, tensor);
    });
    expect(refusal(lacking)).toMatch(
      /lacking\.safetensors \(ema\): .*Mixed_6e\.branch1x1\.bn\.weight is missing/,
    );
    const twice = file("twice.safetensors", (tensors) => {
      for (const [name, tensor] of state) tensors.set(`ema.${name}`, tensor);
    });
    expect(refusal(twice)).toContain("has Inception-v3 in more than one place, itself and ema");
  });

  it("are not taken from DAMSM's image encoder", () => {
    for (const [i, more] of ["emb_features.weight", "image.toRegions.weight"].entries()) {
      const damsm = file(`damsm-${i}.safetensors`, (tensors) => tensors.set(more, ones([8, 768, 1, 1])));
      expect(refusal(damsm)).toMatch(
        /is DAMSM's image encoder, which is not Inception-v3 alone; give torchvision's/,
      );
    }
  });

  it("with NaN or infinite values are refused, with the first tensor and the count", () => {
    const broken = file("broken.safetensors", (tensors) => {
      tensors.set("Mixed_5b.branch1x1.bn.bias", tensor([...new Array(62).fill(1), Number.NaN, -Infinity]));
      tensors.set("Mixed_7c.branch_pool.bn.bias", full([192], Number.POSITIVE_INFINITY));
    });
    expect(refusal(broken)).toMatch(
      /broken\.safetensors: Mixed_5b\.branch1x1\.bn\.bias has 2 of 64 weights that are NaN or infinite, and so do 1 of the other \d+ tensors: /,
    );
    expect(network.Mixed_7c.branch1x1.conv.weight.abs().sum().item()).toBe(0);
  });

  it.each<[string, string, (tensors: Map<string, Tensor>) => void]>([
    ["lacks one", "Mixed_6e.branch1x1.bn.weight is missing", (t) => t.delete("Mixed_6e.branch1x1.bn.weight")],
    ["has another", "Mixed_9.weight is not one of this network's", (t) => t.set("Mixed_9.weight", ones([1]))],
    [
      "has one of another shape",
      "Mixed_5b.branch1x1.conv.weight has shape [1], expected [64, 192, 1, 1]",
      (t) => t.set("Mixed_5b.branch1x1.conv.weight", ones([1])),
    ],
    ["is FID's", "has the 1008 classes of FID's Inception weights", (t) => t.set("fc.bias", zeros([1008]))],
  ])("are refused, and the network is left as it is, when a file %s", (name, message, change) => {
    expect(refusal(file(`${name}.safetensors`, change))).toContain(message);
    expect(network.Mixed_7c.branch1x1.conv.weight.abs().sum().item()).toBe(0);
  });

  it("of torchvision are not accepted as FID's", () => {
    expect(refusal(file("torchvision.safetensors"), new InceptionTrunk("fid"))).toMatch(
      /has the 1000 classes of torchvision's weights .*; give FID's Inception weights/,
    );
  });

  it("refuse a file that is missing, empty, a folder or something else", () => {
    expect(refusal(join(folder, "none.pth"))).toContain("no such file");
    for (const place of [folder, "/dev/zero"]) {
      expect(refusal(place)).toContain("is not a regular file");
      expect(() => sha256Of(place)).toThrow("is not a regular file");
    }
    for (const [name, text] of [
      ["empty.pth", ""],
      ["empty.safetensors", ""],
      ["page.pth", "<!DOCTYPE html>"],
    ] as const) {
      writeFileSync(join(folder, name), text);
      expect(refusal(join(folder, name))).toContain("torchvision's weights");
    }
  });
});

it("a file's SHA-256 is that of its bytes", () => {
  const path = join(folder, "bytes");
  const bytes = Buffer.from(tensor(Array.from({ length: 700_000 }, (_, i) => i)).toBytes());
  writeFileSync(path, bytes);
  expect(sha256Of(path)).toBe(createHash("sha256").update(readFileSync(path)).digest("hex"));
  expect(() => sha256Of(join(folder, "none"))).toThrow(/none: no such file/);
});
