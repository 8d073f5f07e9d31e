import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { onDisk } from "../util/system-errors.js";
import type { Example, Split } from "./dataset.js";
import { FILES, forEachSplit, SPLITS } from "./format.js";
import { readLines } from "./lines.js";

const imageSchema = z.object({
  id: z.string(),
  split: z.enum(SPLITS),
  classId: z.int().nonnegative(),
  attributes: z.record(z.string(), z.int().nonnegative()).optional(),
  captions: z.array(
    z.object({
      ...{ text: z.string(), names: z.array(z.string()).optional(), language: z.string().optional() },
    }),
  ),
  /** Number of captions dropped because they have no known word. */
  emptyCaptions: z.int().nonnegative(),
  xxh64: z.string(),
});

const recordSchema = z.object({
  /** The example's `digestOf`. */
  example: z.string(),
  image: imageSchema.optional(),
  skipped: z.object({ id: z.string(), reason: z.string() }).optional(),
});

export type KeptImage = z.infer<typeof imageSchema>;

/** The result for an example: its image is in the pixel files, or it was skipped. */
export type JournalRecord = z.infer<typeof recordSchema>;

/**
 * The record of what `prepare` has done so far, in its working folder:
 *
 *     journal.jsonl                first the settings; then one line per example, in the source's order
 *     train.pixels, val.pixels,    the pixels of the images in the journal
 *     test.pixels
 *
 * An image's line is written after its pixels. So whenever the process is killed, the pixels of all images in
 * the journal exist, and anything beyond them can be truncated. To continue, the journal is replayed example
 * by example as long as the source gives the same examples, and work continues from there.
 *
 * If images are skipped at the end, all pixels of their split are kept in `*.pixels.all` until the journal is
 * removed.
 */
export class Journal implements Disposable {
  /** Images converted so far, per split. */
  readonly images: Record<Split, number> = forEachSplit(() => 0);
  /** Examples skipped so far. */
  skipped = 0;
  /** Whether the folder contained work with other settings, which was discarded. */
  readonly startedAnew: boolean;
  readonly #dir: string;
  readonly #imageBytes: number;
  readonly #earlier: Generator<{ record: JournalRecord; end: number }>;
  #next: IteratorResult<{ record: JournalRecord; end: number }>;
  #end: number;
  #files: Record<Split | "journal", number> | undefined;

  /**
   * Opens the journal in `dir`, or begins a new one if there is none with the same `settings`.
   * `imageBytes` is the size of one image's pixels.
   */
  constructor(dir: string, settings: unknown, imageBytes: number) {
    this.#dir = dir;
    this.#imageBytes = imageBytes;
    const header = `${JSON.stringify(settings)}\n`;
    const path = join(dir, JOURNAL);
    for (const split of SPLITS)
      if (existsSync(join(dir, allOf(split))))
        renameSync(join(dir, allOf(split)), join(dir, FILES.pixels[split]));
    const earlier = firstLine(path);
    const isSame = earlier === header.trimEnd();
    this.startedAnew = earlier !== undefined && !isSame;
    if (!isSame) {
      for (const split of SPLITS) rmSync(join(dir, FILES.pixels[split]), { force: true });
      onDisk(path, () => writeFileSync(path, header));
    }
    this.#end = Buffer.byteLength(header);
    this.#earlier = recordsIn(path);
    this.#next = this.#earlier.next();
  }

  /** Whether the next record is complete and of an example with this digest; if so, it counts as done. */
  replay(digest: string): boolean {
    if (this.#next.done) return false;
    const { record, end } = this.#next.value;
    if (record.example !== digest) return false;
    const split = record.image?.split;
    if (split !== undefined) {
      const needed = (this.images[split] + 1) * this.#imageBytes;
      const stat = statSync(join(this.#dir, FILES.pixels[split]), { throwIfNoEntry: false });
      if ((stat?.size ?? 0) < needed) return false;
    }
    this.#count(record);
    this.#end = end;
    this.#next = this.#earlier.next();
    return true;
  }

  /** Ends the replay and truncates the files after it. Returns whether there were more records. */
  begin(): boolean {
    const more = !this.#next.done;
    this.#earlier.return(undefined);
    const open = (name: string, length: number) => {
      const path = join(this.#dir, name);
      return onDisk(path, () => {
        const file = openSync(path, constants.O_RDWR | constants.O_CREAT);
        ftruncateSync(file, length);
        return file;
      });
    };
    this.#files = {
      journal: open(JOURNAL, this.#end),
      ...forEachSplit((split) => open(FILES.pixels[split], this.images[split] * this.#imageBytes)),
    };
    return more;
  }

  /** Adds the record of the next example; `pixels` are written if it has an image. */
  add(record: JournalRecord, pixels: Buffer): void {
    const { image } = record;
    if (image) {
      const { split } = image;
      this.#write(FILES.pixels[split], split, pixels, this.images[split] * this.#imageBytes);
    }
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    this.#write(JOURNAL, "journal", line, this.#end);
    this.#end += line.length;
    this.#count(record);
  }

  /** All records, from the beginning. */
  *records(): Generator<JournalRecord> {
    for (const { record, end } of recordsIn(join(this.#dir, JOURNAL))) {
      if (end > this.#end) return;
      yield record;
    }
  }

  /**
   * Removes the pixels of images that are skipped later from a split's file: those with the indices `places`,
   * in the order in which they were added. The journal keeps their records, so that interrupted work can
   * continue.
   */
  leaveOut(split: Split, places: ReadonlySet<number>): void {
    if (places.size === 0) return;
    const path = (name: string) => join(this.#dir, name);
    const kept = `${FILES.pixels[split]}.kept`;
    onDisk(path(kept), () => {
      const file = openSync(path(kept), "w");
      try {
        const image = Buffer.alloc(this.#imageBytes);
        for (let place = 0, end = 0; place < this.images[split]; place++) {
          if (places.has(place)) continue;
          readSync(this.#files![split], image, 0, image.length, place * image.length);
          for (let done = 0; done < image.length; )
            done += writeSync(file, image, done, image.length - done, end + done);
          end += image.length;
        }
      } finally {
        closeSync(file);
      }
      renameSync(path(FILES.pixels[split]), path(allOf(split)));
      renameSync(path(kept), path(FILES.pixels[split]));
    });
  }

  /** Nothing can be added after this. */
  [Symbol.dispose](): void {
    this.#earlier.return(undefined);
    for (const file of Object.values(this.#files ?? {})) closeSync(file);
    this.#files = undefined;
  }

  /** Removes the journal when the pixels are final. */
  remove(): void {
    this[Symbol.dispose]();
    rmSync(join(this.#dir, JOURNAL));
    for (const split of SPLITS) rmSync(join(this.#dir, allOf(split)), { force: true });
  }

  #count({ image }: JournalRecord): void {
    if (image) this.images[image.split]++;
    else this.skipped++;
  }

  #write(name: string, file: Split | "journal", bytes: Buffer, position: number): void {
    const handle = this.#files![file];
    onDisk(join(this.#dir, name), () => {
      for (let done = 0; done < bytes.length; )
        done += writeSync(handle, bytes, done, bytes.length - done, position + done);
    });
  }
}

/** A digest of everything that determines an example's result, except the settings. */
export async function digestOf(example: Example): Promise<string> {
  const { id, split, classId, captions, broken, box, attributes, stamp } = example;
  const all = { id, split, classId, captions, broken, box, attributes, stamp: await stamp?.() };
  return createHash("sha256").update(JSON.stringify(all)).digest("base64url").slice(0, 24);
}

const JOURNAL = "journal.jsonl";

/** The file with the pixels of all images in the journal, if some were skipped later. */
const allOf = (split: Split) => `${FILES.pixels[split]}.all`;

function firstLine(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  for (const { text } of readLines(path)) return text;
  return undefined;
}

/** The records of a journal, up to its end or to an invalid line, which a power failure can leave. */
function* recordsIn(path: string): Generator<{ record: JournalRecord; end: number }> {
  const lines = readLines(path);
  lines.next(); // the settings
  for (const { text, end } of lines) {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return;
    }
    const { data } = recordSchema.safeParse(json);
    if (data === undefined) return;
    yield { record: data, end };
  }
}
