import type { FoundCaptions } from "../caption-files.js";
import type { Split } from "../dataset.js";

/** An image found by one of the conventions. */
export interface Entry {
  /** Unique in the folder. */
  id: string;
  split: Split;
  className: string;
  captions(): FoundCaptions | Promise<FoundCaptions>;
  /**
   * Set if it is known before its captions are read that it cannot be used. Such an image is not chosen by its
   * hash, neither for `test` nor for `val`: the split would have fewer images than it seems, or none.
   */
  unusable?: true;
  /** As in `Example`. */
  stamp(): Promise<string>;
  read(): Promise<Buffer>;
}
