/** Reads a pickle's bytes in order. Lengths beyond its end are refused before memory is allocated. */
import { isUtf8 } from "node:buffer";
import { PickleEnd, PickleError } from "./errors.js";

const LF = 10;
const CR = 13;

/** Python also refuses decimal numbers with more digits. */
const LONGEST_INTEGER = 4300;

export class Cursor {
  readonly #bytes: Buffer;
  readonly #begin: number;
  /** Start of the current operation, for errors. */
  operation: number;
  position: number;
  #endsInCrLf: boolean | undefined;
  #sawLine = false;
  #sawBinary = false;

  constructor(bytes: Uint8Array, begin: number) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#begin = begin;
    this.operation = begin;
    this.position = begin;
  }

  /** Throws an error with what the pickle does, the position, and `more`. */
  fail(what: string, more = ""): never {
    throw new PickleError(`the pickle ${what} at byte ${this.operation}${more}`);
  }

  opcode(): number {
    this.operation = this.position;
    const code = this.#bytes[this.position];
    if (code === undefined)
      throw new PickleEnd(`the pickle ends at byte ${this.position}, before its end mark`);
    this.position += 1;
    return code;
  }

  /** The next `length` bytes: a view of the pickle, not a copy. */
  take(length: number): Buffer {
    const begin = this.position;
    const left = this.#bytes.length - begin;
    if (length > left) {
      throw new PickleEnd(
        `the pickle has ${left} bytes left, but the operation at byte ${this.operation} needs ${length}`,
      );
    }
    this.#sawBinary = true;
    this.#refuseMangled();
    this.position += length;
    return this.#bytes.subarray(begin, begin + length);
  }

  uint8(): number {
    return this.take(1)[0]!;
  }

  uint16(): number {
    return this.take(2).readUInt16LE();
  }

  int32(): number {
    return this.take(4).readInt32LE();
  }

  uint32(): number {
    return this.take(4).readUInt32LE();
  }

  /** A length in eight bytes. */
  length64(): number {
    return Number(this.take(8).readBigUInt64LE());
  }

  float64(): number {
    return this.take(8).readDoubleBE();
  }

  utf8(length: number): string {
    const bytes = this.take(length);
    return isUtf8(bytes) ? bytes.toString("utf8") : this.fail("has a text that is not UTF-8");
  }

  latin1(length: number): string {
    return this.take(length).toString("latin1");
  }

  /** An integer of `length` bytes, two's complement, little-endian. */
  integer(length: number): number | bigint {
    if (length > LONGEST_INTEGER / 2) this.fail(`has an integer of ${length} bytes`);
    if (length === 0) return 0;
    const hex = Buffer.from(this.take(length)).reverse().toString("hex");
    return narrowed(BigInt.asIntN(8 * length, BigInt(`0x${hex}`)));
  }

  /** The bytes up to the next line end, as Latin-1. */
  line(): string {
    const end = this.#bytes.indexOf(LF, this.position);
    if (end < 0) throw new PickleEnd(`the pickle ends within the line that starts at byte ${this.position}`);
    const bytes = this.#bytes.subarray(this.position, end);
    this.position = end + 1;
    this.#sawLine = true;
    this.#refuseMangled();
    return bytes.toString("latin1", 0, this.isMangled() ? bytes.length - 1 : bytes.length);
  }

  /** An integer in a line. */
  decimal(): number | bigint {
    const text = this.line();
    if (text.length > LONGEST_INTEGER) this.fail(`has an integer of ${text.length} digits`);
    if (!/^[+-]?\d+L?$/.test(text)) this.fail("has a line that is not an integer");
    return narrowed(BigInt(text.replace(/^\+|L$/g, "")));
  }

  /**
   * Whether every LF follows a CR: git changes files that it takes for text in this way. If all of a pickle is lines
   * (protocol 0), the CRs can safely be dropped, because picklers never write a line that ends in one.
   */
  isMangled(): boolean {
    this.#endsInCrLf ??= everyLfBehindCr(this.#bytes, this.#begin);
    return this.#endsInCrLf;
  }

  /** It has lines and counted bytes, so it is not known where a CR was added. */
  #refuseMangled(): void {
    if (this.#sawLine && this.#sawBinary && this.isMangled()) this.fail("cannot be read reliably");
  }
}

function everyLfBehindCr(bytes: Buffer, begin: number): boolean {
  let found = false;
  for (let at = bytes.indexOf(LF, begin); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at === begin || bytes[at - 1] !== CR) return false;
    found = true;
  }
  return found;
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
