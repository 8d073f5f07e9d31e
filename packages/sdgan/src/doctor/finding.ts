/** The result of one check. */
export interface Finding {
  what: string;
  found: string;
  /** How to fix the problem; absent if there is none. */
  advice?: string;
  /** Training and generation are impossible until this is fixed. */
  fatal?: boolean;
}
