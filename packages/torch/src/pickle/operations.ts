/** The operations of a pickle, in the order of Python's `pickle.py`. */
import type { Machine } from "./machine.js";

type Operation = (machine: Machine) => void;

const NEWEST_PROTOCOL = 5;

/** Operations by opcode; forbidden ones are missing. */
export const operations: readonly (Operation | undefined)[] = table([
  // The stack and the memo.
  ["(", (m) => m.mark()],
  ["0", (m) => m.drop()],
  ["1", (m) => void m.popMarked()],
  ["2", (m) => m.push(m.top())],
  ["g", (m) => m.get(m.cursor.decimal())],
  ["h", (m) => m.get(m.cursor.uint8())],
  ["j", (m) => m.get(m.cursor.uint32())],
  ["p", (m) => m.put(m.cursor.decimal())],
  ["q", (m) => m.put(m.cursor.uint8())],
  ["r", (m) => m.put(m.cursor.uint32())],
  [0x94, (m) => m.memoize()],

  // None, booleans and numbers.
  ["N", (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  ["I", (m) => m.push(integerOrBoolean(m))],
  ["J", (m) => m.push(m.cursor.int32())],
  ["K", (m) => m.push(m.cursor.uint8())],
  ["M", (m) => m.push(m.cursor.uint16())],
  ["L", (m) => m.push(m.cursor.decimal())],
  [0x8a, (m) => m.push(m.cursor.integer(m.cursor.uint8()))],
  [0x8b, (m) => m.push(m.cursor.integer(m.cursor.uint32()))],
  ["F", (m) => m.push(decimalFloat(m))],
  ["G", (m) => m.push(m.cursor.float64())],

  // Texts and bytes. Python 2's `str` is bytes.
  ["S", (m) => m.push(quotedString(m))],
  ["T", (m) => m.push(m.cursor.latin1(m.cursor.uint32()))],
  ["U", (m) => m.push(m.cursor.latin1(m.cursor.uint8()))],
  ["V", (m) => m.push(rawUnicode(m.cursor.line()))],
  ["X", (m) => m.push(m.cursor.utf8(m.cursor.uint32()))],
  [0x8c, (m) => m.push(m.cursor.utf8(m.cursor.uint8()))],
  [0x8d, (m) => m.push(m.cursor.utf8(m.cursor.length64()))],
  ["B", (m) => m.pushContainer(Uint8Array.from(m.cursor.take(m.cursor.uint32())))],
  ["C", (m) => m.pushContainer(Uint8Array.from(m.cursor.take(m.cursor.uint8())))],
  [0x8e, (m) => m.pushContainer(Uint8Array.from(m.cursor.take(m.cursor.length64())))],
  [0x96, (m) => m.pushContainer(Uint8Array.from(m.cursor.take(m.cursor.length64())))],

  // Containers.
  ["]", (m) => m.pushContainer([])],
  ["l", (m) => m.pushContainer(m.popMarked())],
  ["a", (m) => appendOne(m)],
  ["e", (m) => m.append(m.popMarked())],
  [")", (m) => m.pushContainer([])],
  ["t", (m) => m.pushContainer(m.popMarked())],
  [0x85, (m) => m.pushContainer(popInOrder(m, 1))],
  [0x86, (m) => m.pushContainer(popInOrder(m, 2))],
  [0x87, (m) => m.pushContainer(popInOrder(m, 3))],
  ["}", (m) => m.pushMap([])],
  ["d", (m) => m.pushMap(m.popMarked())],
  ["s", (m) => m.setItems(popInOrder(m, 2))],
  ["u", (m) => m.setItems(m.popMarked())],
  [0x8f, (m) => m.pushContainer(new Set())],
  [0x90, (m) => m.add(m.popMarked())],
  [0x91, (m) => pushSet(m, m.popMarked())],

  // Calls of allowed functions.
  ["c", (m) => m.pushGlobal(m.cursor.line(), m.cursor.line())],
  [0x93, (m) => pushNamedGlobal(m)],
  ["R", (m) => call(m)],
  [0x81, (m) => call(m)],
  [0x92, (m) => callWithKeywords(m)],
  ["i", (m) => callMarked(m)],
  ["o", (m) => callFirstMarked(m)],
  ["b", (m) => m.build(m.pop())],
  ["P", (m) => m.pushPersistent(m.cursor.line())],
  ["Q", (m) => m.pushPersistent(m.pop())],

  // Protocol and frames.
  [0x80, (m) => requireProtocol(m)],
  [0x95, (m) => requireFrame(m)],
]);

function table(entries: [string | number, Operation][]): (Operation | undefined)[] {
  const all = new Array<Operation | undefined>(256).fill(undefined);
  for (const [code, operation] of entries)
    all[typeof code === "string" ? code.charCodeAt(0) : code] = operation;
  return all;
}

/** Protocol 0 and 1 write booleans as `I01` and `I00`. */
function integerOrBoolean({ cursor }: Machine): number | bigint | boolean {
  const begin = cursor.position;
  const text = cursor.line();
  if (text === "00") return false;
  if (text === "01") return true;
  cursor.position = begin;
  return cursor.decimal();
}

function decimalFloat({ cursor }: Machine): number {
  const text = cursor.line();
  const named = { inf: Infinity, "-inf": -Infinity, nan: Number.NaN, "-nan": Number.NaN }[text];
  if (named !== undefined) return named;
  if (text.length > 100 || !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text))
    cursor.fail("has a line that is not a number");
  return Number(text);
}

/** A `str` as Python 2 prints it: in quotation marks, with escapes. */
function quotedString({ cursor }: Machine): string {
  const text = cursor.line().trim();
  const quote = text[0];
  if (text.length < 2 || (quote !== "'" && quote !== '"') || text.at(-1) !== quote)
    cursor.fail("has a text without quotation marks");
  return text
    .slice(1, -1)
    .replace(/\\(?:x([\da-fA-F]{2})|([0-7]{1,3})|(.))/g, (whole, hex, octal, letter) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 255);
      return escapes.get(letter) ?? whole;
    });
}

const escapes = new Map([
  ["\\", "\\"],
  ["'", "'"],
  ['"', '"'],
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
]);

/** Latin-1 with `\uXXXX` and `\UXXXXXXXX` for other characters, after an even number of backslashes. */
function rawUnicode(text: string): string {
  return text.replace(
    /(?<!\\)((?:\\\\)*)\\(?:u([\da-fA-F]{4})|U(00(?:0[\da-fA-F]|10)[\da-fA-F]{4}))/g,
    (_, before: string, short?: string, long?: string) =>
      before + String.fromCodePoint(Number.parseInt(short ?? long!, 16)),
  );
}

/** The top `count` values of the stack, the topmost last. */
function popInOrder(m: Machine, count: number): unknown[] {
  const items = Array.from({ length: count }, () => m.pop());
  return items.reverse();
}

function appendOne(m: Machine): void {
  const item = m.pop();
  m.append([item]);
}

function pushSet(m: Machine, items: unknown[]): void {
  m.pushContainer(new Set());
  m.add(items);
}

function pushNamedGlobal(m: Machine): void {
  const name = m.popText();
  m.pushGlobal(m.popText(), name);
}

function call(m: Machine): void {
  const args = m.pop();
  m.pushCall(m.pop(), args);
}

function callWithKeywords(m: Machine): void {
  const keywords = m.pop();
  if (!(keywords instanceof Map) || keywords.size > 0) m.cursor.fail("calls with keywords");
  call(m);
}

function callMarked(m: Machine): void {
  m.pushGlobal(m.cursor.line(), m.cursor.line());
  const callee = m.pop();
  m.pushCall(callee, m.popMarked());
}

function callFirstMarked(m: Machine): void {
  const [callee, ...args] = m.popMarked();
  m.pushCall(callee, args);
}

function requireProtocol({ cursor }: Machine): void {
  const protocol = cursor.uint8();
  if (protocol > NEWEST_PROTOCOL)
    cursor.fail(`has protocol ${protocol}; protocols up to ${NEWEST_PROTOCOL} are read`);
}

/** Frames count bytes that belong together; they matter only when reading from a stream. */
function requireFrame({ cursor }: Machine): void {
  const length = cursor.length64();
  const begin = cursor.position;
  cursor.take(length);
  cursor.position = begin;
}
