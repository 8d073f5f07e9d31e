/**
 * A reader of Python's pickles, protocols 0 to 5, for data that one does not trust.
 * A pickle is a program for a machine with a stack and a memo: https://docs.python.org/3/library/pickletools.html
 * Python's machine calls whatever the program names. This one knows a few harmless names and refuses all others.
 */
import { Cursor } from "./cursor.js";
import { PickleEnd, PickleError } from "./errors.js";
import { type Globals, plainGlobals } from "./globals.js";
import { Machine, STOP } from "./machine.js";
import { operations } from "./operations.js";
import { requireTree } from "./tree.js";

export interface PickleOptions {
  /** What may be called beside what plain containers need, by full name: `"torch._utils._rebuild_tensor_v2"`. */
  globals?: Globals;
  /** Gives the object for an identifier that the pickle has instead of one. Without it such pickles are refused. */
  persistentLoad?: (id: unknown) => unknown;
  /** What the caller reads, for the error about what it does not: "plain containers" unless told otherwise. */
  reads?: string;
}

/** More than Python's largest useful pickle of lists; a larger file is a mistake or an attack. */
const LONGEST = 2 ** 28;

/**
 * The object that a pickle describes. Nothing that the pickle names is called, but for a fixed list of harmless
 * functions and what `options.globals` adds to it.
 *
 * | Python                                   | here                                                                   |
 * | ---------------------------------------- | ---------------------------------------------------------------------- |
 * | None, bool, float                        | null, boolean, number                                                  |
 * | int, long, numpy's scalars               | number; bigint where a number would not be exact                       |
 * | str (3), unicode (2)                     | string                                                                 |
 * | str (2)                                  | string with a character for every byte (Latin-1): `Buffer.from(s, "latin1")` gives the bytes back |
 * | bytes, bytearray                         | Uint8Array, a copy                                                     |
 * | list, tuple                              | array                                                                  |
 * | dict, OrderedDict                        | Map, so that no key means anything to JavaScript; attributes are dropped |
 * | set, frozenset                           | Set                                                                    |
 *
 * What is shared in the pickle is shared in the result. What contains itself, or is nested more than 500 deep, is
 * refused; so every walk over the result ends. Memory and time grow with the length of `bytes` alone.
 *
 * A pickle of protocol 0 whose line ends were changed to CR LF is read as it was before; of another protocol it is
 * refused with that cause.
 *
 * @throws {PickleError} that says what is wrong, and at which byte
 */
export function readPickle(bytes: Uint8Array, options: PickleOptions = {}): unknown {
  const { value, end } = readPickleAt(bytes, 0, options);
  if (end < bytes.length)
    throw new PickleError(`the pickle ends at byte ${end}, and ${bytes.length} are there`);
  return value;
}

/**
 * As `readPickle`, for a pickle that begins at byte `begin` of more; `end` is the byte behind it.
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
        "Take the file anew, as an archive or with `git config core.autocrlf false`",
      { cause: error },
    );
  }
}
