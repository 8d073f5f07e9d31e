import type { FoundCaptions } from "../caption-files.js";
import type { Split } from "../dataset.js";

/** A picture that a convention found. */
export interface Entry {
  /** Unique in the folder. */
  id: string;
  split: Split;
  className: string;
  captions(): FoundCaptions | Promise<FoundCaptions>;
  read(): Promise<Buffer>;
}
