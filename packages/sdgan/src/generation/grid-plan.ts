/** Which images a grid of generated images shows, and in how many columns. */
export interface GridPlan {
  /** The first of the captions. */
  captions: number;
  /** The first images of each caption. */
  images: number;
  /** Images per row. */
  columns: number;
}

/** What there is to show. */
export interface GridContent {
  captions: number;
  /** Images per caption. */
  count: number;
  /** Images shown for each generated image: one, or one per stage. */
  stages: number;
  /** Side of the largest image in pixels. */
  side: number;
}

/**
 * Limits a grid to about 4,096 pixels per row and 24 million pixels, whatever is generated: at most 64 images,
 * or 256 if one caption has more than 64. Only whole captions are shown, at least one.
 */
export function planGrid({ captions, count, stages, side }: GridContent): GridPlan {
  const shownSide = side * Math.ceil(SMALLEST_SIDE / side);
  const most = Math.min(MOST_OF_ONE_CAPTION, atLeastOne(MAX_PIXELS / (shownSide ** 2 * stages)));
  const images = Math.min(count, most);
  const fitting = atLeastOne(MAX_WIDTH / (shownSide * stages));
  return {
    captions: Math.min(captions, atLeastOne(Math.min(MOST, most) / images)),
    images,
    columns: Math.min(fitting, count === 1 && stages === 1 ? COLUMNS : images),
  };
}

/** What of the content is not shown, such as "64 of 1,500 captions"; undefined if all is. */
export function partShown(plan: GridPlan, { captions, count }: GridContent): string | undefined {
  const number = (value: number) => value.toLocaleString("en-US");
  const parts = [
    plan.captions < captions && `${number(plan.captions)} of ${number(captions)} captions`,
    plan.images < count && `${number(plan.images)} of ${number(count)} images per caption`,
  ].filter((part) => part !== false);
  return parts.length > 0 ? parts.join(" and ") : undefined;
}

/** `grid` enlarges smaller images to at least this side. */
const SMALLEST_SIDE = 128;
const MAX_WIDTH = 4096;
const MAX_PIXELS = 24e6;
/** Most images of several captions. */
const MOST = 64;
const MOST_OF_ONE_CAPTION = 256;
/** Images per row if each caption has one. */
const COLUMNS = 8;

function atLeastOne(value: number): number {
  return Math.max(1, Math.floor(value));
}
