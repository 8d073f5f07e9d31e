import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "@sdgan/core";
import { z } from "zod";

/** Reads files of packages from one or more `node_modules`. */
export class PackageFiles {
  readonly #folders: readonly string[];

  /** @param folders `node_modules` folders; the first with a package is used */
  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** A JSON file, such as `json("@iconify-json/noto", "icons.json", schema)`. Throws a `UserError` that names a broken one. */
  json<Schema extends z.ZodType>(name: string, file: string, schema: Schema): z.output<Schema> {
    const path = join(this.#folderOf(name), file);
    let json: unknown;
    try {
      json = JSON.parse(readFileSync(path, "utf8"));
    } catch (error) {
      throw this.#broken(path, (error as Error).message);
    }
    const { data, error } = schema.safeParse(json);
    if (!error) return data;
    const [issue] = error.issues;
    throw this.#broken(path, [issue!.path.join("."), issue!.message].filter(Boolean).join(": "));
  }

  /** A text file; undefined if the package has none of that name. */
  text(name: string, file: string): string | undefined {
    const path = join(this.#folderOf(name), file);
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  }

  hasPackage(name: string): boolean {
    return existsSync(this.#folderOf(name));
  }

  /** Whether a package has a file. */
  has(name: string, file: string): boolean {
    return existsSync(join(this.#folderOf(name), file));
  }

  /** The names in a folder of a package, sorted. */
  list(name: string, folder: string): string[] {
    const path = join(this.#folderOf(name), folder);
    try {
      return readdirSync(path).sort();
    } catch (error) {
      throw this.#broken(path, (error as Error).message);
    }
  }

  #folderOf(name: string): string {
    return join(this.#folders.find((folder) => existsSync(join(folder, name))) ?? this.#folders[0]!, name);
  }

  #broken(path: string, found: string): UserError {
    const installation = this.#folders.find((folder) => path.startsWith(folder)) ?? this.#folders[0]!;
    return new UserError(
      `${path}: is missing or broken (${found.replace(/\s+/g, " ").slice(0, 200)}). Delete ${dirname(installation)}; the ` +
        "same command then downloads the packages again",
      { code: "data.invalid" },
    );
  }
}

/** What is read of a package's `package.json`. */
export const packageSchema = z.object({ version: z.string(), license: z.string().optional() });
