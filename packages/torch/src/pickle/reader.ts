/**
 * A reader of Python's pickles, protocols 0 to 5, for untrusted data.
 * A pickle is a program for a machine with a stack and a memo: https://docs.python.org/3/library/pickletools.html
 * Python's machine calls every function that the program names. This one knows a few harmless functions and refuses others.
 */
import { Cursor } from "./cursor.js";
import { PickleEnd, PickleError } from "./errors.js";
import { type Globals, plainGlobals } from "./globals.js";
import { Machine, STOP } from "./machine.js";
import { operations } from "./operations.js";
import { requireTree } from "./tree.js";

export interface PickleOptions {
  /** Functions that may be called in addition to those of plain containers, by full name: `"torch._utils._rebuild_tensor_v2"`. */
  globals?: Globals;
  /** Returns the object for a persistent identifier. Without it, pickles with such identifiers are refused. */
  persistentLoad?: (id: unknown) => unknown;
  /** What the caller reads, for error messages; by default "plain containers". */
  reads?: string;
}

/** More than Python's largest useful pickle of lists; a larger file is a mistake or an attack. */
const LONGEST = 2 ** 28;

/**
 * Returns the object that a pickle describes. Only a fixed list of harmless functions and those in `options.globals` can
 * be called.
 *
 * | Python                                   | here                                                                   |
 * | ---------------------------------------- | ---------------------------------------------------------------------- |
 * | None, bool, float                        | null, boolean, number                                                  |
 * | int, long, numpy's scalars               | number; bigint if a number would not be exact                          |
 * | str (3), unicode (2)                     | string                                                                 |
 * | str (2)                                  | string with one character per byte (Latin-1): `Buffer.from(s, "latin1")` gives the bytes back |
 * | bytes, bytearray                         | Uint8Array, a copy                                                     |
 * | list, tuple                              | array                                                                  |
 * | dict, OrderedDict                        | Map, so that no key means anything to JavaScript; attributes are dropped |
 * | set, frozenset                           | Set                                                                    |
 *
 * Objects shared in the pickle are shared in the result. Containers that contain themselves, or are nested more than 500
 * deep, are refused, so every traversal of the result ends. Memory and time depend only on the length of `bytes`.
 *
 * A pickle of protocol 0 whose line ends were changed to CR LF is read as before the change. Of other protocols, such a
 * pickle is refused with this reason.
 *
 * @throws {PickleError} with the reason and the byte
 */
export function readPickle(bytes: Uint8Array, options: PickleOptions = {}): unknown {
  const { value, end } = readPickleAt(bytes, 0, options);
  if (end < bytes.length) throw new PickleError(`the pickle ends at byte ${end} of ${bytes.length}`);
  return value;
}

/**
 * Like `readPickle`, for a pickle that starts at byte `begin` of longer data; `end` is the byte after it.
 * @throws {PickleEnd} if the bytes end first
 */
export function readPickleAt(
  bytes: Uint8Array,
  begin: number,
  options: PickleOptions = {},
): { value: unknown; end: number } {
  if (bytes.length - begin > LONGEST)
    throw new PickleError(`the pickle has ${bytes.length - begin} bytes; up to ${LONGEST} are read`);
  const cursor: Cursor = new Cursor(bytes, begin);
  const machine = new Machine(cursor, {
    globals: { ...options.globals, ...plainGlobals },
    reads: options.reads ?? "plain containers",
    persistentLoad: options.persistentLoad,
  });
  try {
    for (let code = cursor.opcode(); code !== STOP; code = cursor.opcode()) {
      const operation = operations[code];
      if (!operation) cursor.fail(`has the unknown operation 0x${code.toString(16).padStart(2, "0")}`);
      machine.charge(1);
      operation(machine);
    }
    const value = machine.pop();
    requireTree(value);
    return { value, end: cursor.position };
  } catch (error) {
    if (!(error instanceof PickleError) || !cursor.isMangled()) throw error;
    const Kind = error instanceof PickleEnd ? PickleEnd : PickleError;
    throw new Kind(
      `${error.message}: its line ends were changed to CR LF, as git does on Windows. ` +
        "Get the file again, as an archive or with `git config core.autocrlf false`",
      { cause: error },
    );
  }
}
