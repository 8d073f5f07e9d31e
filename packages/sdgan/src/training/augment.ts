/**
 * Differentiable augmentation (Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", 2020, arXiv
 * 2006.10738): the discriminators see real and generated images only after random changes, in their own phase and in the
 * generator's. A small data set is harder to memorize, and the generator does not learn the changes, since real images
 * have them too.
 *
 * Every image has random numbers of its own, from the stream of its device. All functions keep shape, dtype and
 * channels-last layout.
 */
import { type AugmentPolicy, augmentPolicies } from "@sdgan/core";
import { arange, call, rand, randint, type Tensor } from "@sdgan/torch";
import { type BatchShare, wholeBatch } from "../distributed/batch-share.js";

export interface AugmentOptions {
  policy: readonly AugmentPolicy[];
  /** The value of pixels that `translation` moves in from outside. */
  padding: number;
}

/**
 * images [B, 3, H, W] in −1 … 1 → augmented ones: color, then translation, then cutout, as far as they are in `policy`.
 *
 * @param probability of each change to each image; brightness, saturation and contrast are three changes
 * @param draw samples random numbers for the images; several processes have parts of what one process would sample
 */
export function augment(
  images: Tensor,
  { policy, padding }: AugmentOptions,
  probability: number = 1,
  draw: BatchShare["draw"] = wholeBatch.draw,
): Tensor {
  if (probability === 0) return images;
  const kinds = augmentPolicies.filter((kind) => policy.includes(kind));
  return kinds.reduce((changed, kind) => changes[kind](changed, { probability, padding, draw }), images);
}

interface Chance {
  probability: number;
  draw: BatchShare["draw"];
}

const changes: Record<AugmentPolicy, (images: Tensor, chance: Chance & { padding: number }) => Tensor> = {
  color(images, chance) {
    const among = (low: number, high: number, neutral: number) => {
      const values = chance.draw(images.size(0), (B) => rand([B, 1, 1, 1], { device: images.device }));
      return chosen(values.mul(high - low).add(low), neutral, chance);
    };
    return recolor(images, {
      brightness: among(-1 / 2, 1 / 2, 0),
      saturation: among(0, 2, 1),
      contrast: among(1 / 2, 3 / 2, 1),
    });
  },

  translation(images, { padding, ...chance }) {
    const [B, , H, W] = images.shape as [number, number, number, number];
    const { device } = images;
    const most = [H, W].map((size) => Math.round(size / 8)) as [number, number];
    const by = most.map((one) => chance.draw(B, (rows) => randint(-one, one + 1, [rows], { device })));
    const [down, right] = together(by, 0, chance) as [Tensor, Tensor];
    return translate(images, { down, right, most, padding });
  },

  cutout(images, chance) {
    const [B, , H, W] = images.shape as [number, number, number, number];
    const { device } = images;
    const sides = [H, W].map((size) => Math.round(size / 2)) as [number, number];
    // The center may be anywhere in the image, so a part of the square may be outside.
    const corners = [H, W].map((size, i) =>
      chance
        .draw(B, (rows) => randint(0, size + 1 - (sides[i]! % 2), [rows], { device }))
        .sub(Math.floor(sides[i]! / 2)),
    );
    const [top, left] = together(corners, -Math.max(H, W), chance) as [Tensor, Tensor];
    return cutOut(images, { top, left, sides });
  },
};

/** `values` [B, …] with the given probability for each image, otherwise `neutral`. */
function chosen(values: Tensor, neutral: number, chance: Chance): Tensor {
  return together([values], neutral, chance)[0]!;
}

/** Like `chosen`, for values that are used or not used together. Without chance there are no random numbers. */
function together(
  values: readonly Tensor[],
  neutral: number,
  { probability, draw }: Chance,
): readonly Tensor[] {
  if (probability >= 1) return values;
  const [first] = values;
  const [B, ...rest] = first!.shape as [number, ...number[]];
  const isUnused = draw(B, (rows) => rand([rows, ...rest], { device: first!.device })).ge(probability);
  return values.map((one) => one.maskedFill(isUnused, neutral));
}

/**
 * Brightness, then saturation, then contrast, of images x, where m are the means over channels and M those of images:
 *
 *   x + brightness;   m + saturation · (x − m);   M + contrast · (x − M).
 *
 * One after the other they are contrast·saturation·x + contrast·(1 − saturation)·m + (1 − contrast)·M + brightness, with m
 * and M of the unchanged images, which takes fewer passes over memory.
 *
 * @param amounts [B, 1, 1, 1] each
 */
export function recolor(
  images: Tensor,
  { brightness, saturation, contrast }: Record<"brightness" | "saturation" | "contrast", Tensor>,
): Tensor {
  const { dtype } = images;
  const gray = images.mean(1, true); // [B, 1, H, W]
  const mean = gray.to(brightness.dtype).mean([2, 3], true); // [B, 1, 1, 1]
  const ofGray = contrast.mul(saturation.neg().add(1)).to(dtype);
  const constant = contrast.neg().add(1).mul(mean).add(brightness).to(dtype);
  return images.mul(contrast.mul(saturation).to(dtype)).add(gray.mul(ofGray).add(constant));
}

/**
 * Moves images by whole pixels.
 *
 * @param down [B] of at most `most[0]` in either direction, `right` [B] of at most `most[1]`
 */
export function translate(
  images: Tensor,
  {
    down,
    right,
    most: [mostDown, mostRight],
    padding,
  }: { down: Tensor; right: Tensor; most: readonly [number, number]; padding: number },
): Tensor {
  const [B, , H, W] = images.shape as [number, number, number, number];
  const { device } = images;
  const sides = [mostRight, mostRight, mostDown, mostDown];
  const padded = call<Tensor>("constant_pad_nd", images, sides, padding);
  const places = (count: number) => arange(0, count, 1, { device });
  const rows = places(H).add(mostDown).unsqueeze(0).sub(down.unsqueeze(1)); // [B, H]
  const columns = places(W).add(mostRight).unsqueeze(0).sub(right.unsqueeze(1)); // [B, W]
  // The channels of a pixel are one piece of memory if they come last.
  const moved = padded
    .permute(0, 2, 3, 1)
    .index(places(B).view(-1, 1, 1), rows.unsqueeze(2), columns.unsqueeze(1)) // [B, H, W, 3]
    .permute(0, 3, 1, 2);
  return images.isContiguous("channels_last") ? moved : moved.contiguous();
}

/**
 * Sets a rectangle of each image to 0, mid-gray.
 *
 * @param top, left [B]: the first row and column, which may be outside
 * @param sides height and width
 */
export function cutOut(
  images: Tensor,
  { top, left, sides: [height, width] }: { top: Tensor; left: Tensor; sides: readonly [number, number] },
): Tensor {
  const [, , H, W] = images.shape as [number, number, number, number];
  const outside = (first: Tensor, length: number, size: number) => {
    const from = arange(0, size, 1, { device: images.device }).unsqueeze(0).sub(first.unsqueeze(1)); // [B, size]
    return from.lt(0).logicalOr(from.ge(length));
  };
  const kept = outside(top, height, H)
    .unsqueeze(2)
    .logicalOr(outside(left, width, W).unsqueeze(1)); // [B, H, W]
  return images.mul(kept.unsqueeze(1).to(images.dtype));
}
