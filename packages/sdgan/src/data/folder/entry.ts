import type { FoundCaptions } from "../caption-files.js";
import type { Split } from "../dataset.js";

/** An image found by one of the conventions. */
export interface Entry {
  /** Unique in the folder. */
  id: string;
  split: Split;
  className: string;
  captions(): FoundCaptions | Promise<FoundCaptions>;
  /** As in `Example`. */
  stamp(): Promise<string>;
  read(): Promise<Buffer>;
}
