import type { FoundCaptions } from "../caption-files.js";
import type { Split } from "../dataset.js";

/** An image that a convention found. */
export interface Entry {
  /** Unique in the folder. */
  id: string;
  split: Split;
  className: string;
  captions(): FoundCaptions | Promise<FoundCaptions>;
  /** As an example has it. */
  stamp(): Promise<string>;
  read(): Promise<Buffer>;
}
