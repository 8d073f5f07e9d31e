import { manualSeed, randn, zeros } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { relativeError } from "../testing/golden.js";
import { gradcheckAlongDirections, inGeneralPosition } from "../testing/gradients.js";
import { ConvolutionalImageEncoder } from "./image-encoder.js";

beforeEach(() => manualSeed(1));

describe("convolutional image encoder", () => {
  it.each([
    [16, 2],
    [64, 8],
    [80, 10],
  ])("sees regions of an eighth of the image: %d → %d", (size, regionsSize) => {
    const encoder = new ConvolutionalImageEncoder({ width: 2, imageSize: size, textWidth: 6 });
    const { regions, code } = encoder.forward(randn([2, 3, size, size]));
    expect(regions.shape).toEqual([2, 6, regionsSize, regionsSize]);
    expect(code.shape).toEqual([2, 6]);
  });

  it("has maps from fine to coarse, of which the regions and the code are computed", () => {
    const encoder = new ConvolutionalImageEncoder({ width: 2, imageSize: 32, textWidth: 6 }).eval();
    const image = randn([2, 3, 32, 32]);
    const maps = encoder.maps(image);
    expect(maps.map(({ shape: [, channels, size] }) => [channels, size])).toEqual(encoder.mapShapes);
    expect(encoder.mapShapes).toEqual([
      [2, 16],
      [4, 8],
      [8, 4],
      [16, 2],
    ]);
    const { regions, code } = encoder.forward(image);
    expect(relativeError(encoder.toRegions.forward(maps[2]!), regions)).toBe(0);
    expect(relativeError(encoder.toCode.forward(maps[3]!.flatten(1)), code)).toBe(0);
  });

  it("has different codes for the same object in different places, far from all edges", () => {
    const encoder = new ConvolutionalImageEncoder({ width: 2, imageSize: 128, textWidth: 6 }).eval();
    const thing = randn([1, 3, 4, 4]);
    const nothing = () => zeros([1, 3, 128, 128]);
    const [here, there] = [48, 80].map((at) => {
      const image = nothing();
      image.narrow(2, at, 4).narrow(3, at, 4).copy_(thing);
      return encoder.forward(image).code.sub(encoder.forward(nothing()).code);
    });
    expect(relativeError(here!, there!)).toBeGreaterThan(0.1);
  });

  it("returns float32 features for bfloat16 images, in evaluation independent of the batch", () => {
    const encoder = new ConvolutionalImageEncoder({ width: 4, imageSize: 32, textWidth: 6 }).eval();
    const images = randn([3, 3, 32, 32]).to("bfloat16");
    const { regions, code } = encoder.forward(images);
    expect([regions.dtype, code.dtype]).toEqual(["float32", "float32"]);
    const alone = encoder.forward(images.narrow(0, 1, 1));
    expect(relativeError(alone.regions, regions.narrow(0, 1, 1))).toBeLessThan(0.02);
    expect(relativeError(alone.code, code.narrow(0, 1, 1))).toBeLessThan(0.02);
  });

  it("has the gradients of finite differences", () => {
    const encoder = inGeneralPosition(
      new ConvolutionalImageEncoder({ width: 2, imageSize: 32, textWidth: 3 }),
    );
    const image = randn([3, 3, 32, 32], { dtype: "float64" });
    const fn = () => {
      const { regions, code } = encoder.forward(image);
      return [regions, code];
    };
    gradcheckAlongDirections(encoder, fn, [image], { directions: 4 });
  });
});
