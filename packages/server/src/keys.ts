/** API keys: who may use the server. */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { UserError, visible } from "@sdgan/core";

/** A key's name for logs and limits; the key itself is not kept. */
interface Key {
  name: string;
  hash: Buffer;
}

export class Keys {
  readonly #keys: readonly Key[];

  /** @param keys by name */
  constructor(keys: ReadonlyMap<string, string>) {
    this.#keys = [...keys].map(([name, key]) => ({ name, hash: hashOf(key) }));
  }

  get names(): string[] {
    return this.#keys.map(({ name }) => name);
  }

  /**
   * The name of the key in an `Authorization: Bearer …` header; undefined for any other. The time does not depend on how
   * much of a key is right: hashes are compared, in constant time, with those of all keys.
   */
  nameOf(authorization: string | undefined): string | undefined {
    const given = hashOf(/^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? "");
    let found: string | undefined;
    for (const { name, hash } of this.#keys) if (timingSafeEqual(hash, given)) found = name;
    return found;
  }
}

/**
 * Reads a file with one key per line, with a name before it if there are several: `NAME KEY`. Empty lines and lines that
 * begin with # are ignored.
 * @throws UserError if the file is missing, has no key, has one that is too short, or can be read by others
 */
export function readKeys(path: string): Keys {
  const text = readPrivate(path);
  const keys = new Map<string, string>();
  for (const [i, line] of text.split("\n").entries()) {
    const words = line.trim().split(/\s+/);
    if (words[0] === "" || words[0]!.startsWith("#")) continue;
    const refuse = (problem: string) =>
      new UserError(`${visible(path)}: line ${i + 1} ${problem}; expected a key, or a name and a key.`, {
        code: "file.invalid",
      });
    if (words.length > 2) throw refuse(`has ${words.length} words`);
    const key = words.at(-1)!;
    const name = words.length === 2 ? words[0]! : `key-${keys.size + 1}`;
    if (key.length < SHORTEST)
      throw refuse(
        `has a key of ${key.length} characters, fewer than ${SHORTEST} (openssl rand -hex 32 makes one)`,
      );
    if (keys.has(name)) throw refuse(`has the name ${visible(name)} again`);
    keys.set(name, key);
  }
  if (keys.size === 0)
    throw new UserError(
      `${visible(path)}: has no key. Write one into it: openssl rand -hex 32 > ${visible(path)}`,
      { code: "file.invalid" },
    );
  return new Keys(keys);
}

/** Shorter keys can be guessed. */
const SHORTEST = 16;

function readPrivate(path: string): string {
  try {
    const stats = statSync(path);
    if (!stats.isFile())
      throw new UserError(`${visible(path)}: is not a file; expected a file with API keys.`, {
        code: "file.invalid",
      });
    if (process.platform !== "win32" && (stats.mode & 0o077) !== 0)
      throw new UserError(
        `${visible(path)}: other users can read or change this file with API keys (mode ${(stats.mode & 0o777).toString(8)}). Run: chmod 600 ${visible(path)}`,
        { code: "file.invalid" },
      );
    if (stats.size > MOST_BYTES)
      throw new UserError(`${visible(path)}: has ${stats.size} bytes; expected at most ${MOST_BYTES}.`, {
        code: "file.invalid",
      });
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const { code } = Object(cause) as { code?: string };
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new UserError(`${visible(path)}: there is no such file; expected a file with API keys.`, {
        ...{ code: "file.missing", cause },
      });
    throw new UserError(`${visible(path)}: cannot be read (${code}); expected a file with API keys.`, {
      ...{ code: "file.system", cause },
    });
  }
}

const MOST_BYTES = 2 ** 20;

function hashOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
