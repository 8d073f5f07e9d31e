/** One thing that was looked at. */
export interface Finding {
  what: string;
  found: string;
  /** What to do about it; absent where all is well. */
  advice?: string;
  /** Nothing can be trained or drawn before this is mended. */
  fatal?: boolean;
}
