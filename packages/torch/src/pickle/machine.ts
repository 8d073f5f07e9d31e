/** The state of the machine that runs a pickle, and the limit of its memory. */

import { shown } from "../shown.js";
import type { Cursor } from "./cursor.js";
import { PickleError } from "./errors.js";
import { Global, type Globals } from "./globals.js";
import { NumpyDtype } from "./numpy.js";

/** The operation that ends a pickle. */
export const STOP = ".".charCodeAt(0);

/** Memory of the result and of the machine, in cells of about 16 bytes: less than 400 MiB. COCO's captions take half. */
const MOST_CELLS = 24_000_000;

/** Cells of an empty array, of another empty container, of an entry of a map, set or memo. */
const ARRAY = 4;
const CONTAINER = 14;
const ENTRY = 3;

interface Surroundings {
  globals: Globals;
  reads: string;
  persistentLoad: ((id: unknown) => unknown) | undefined;
}

export class Machine {
  readonly #stack: unknown[] = [];
  /** Heights of the stack at which marks were set. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();
  readonly #surroundings: Surroundings;
  #cells = 0;

  constructor(
    readonly cursor: Cursor,
    surroundings: Surroundings,
  ) {
    this.#surroundings = surroundings;
  }

  charge(cells: number): void {
    this.#cells += cells;
    if (this.#cells > MOST_CELLS) this.cursor.fail("needs too much memory");
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pushContainer(value: unknown): void {
    this.charge(Array.isArray(value) ? ARRAY : CONTAINER);
    this.#stack.push(value);
  }

  pop(): unknown {
    this.#requireAboveMark();
    return this.#stack.pop();
  }

  top(): unknown {
    this.#requireAboveMark();
    return this.#stack.at(-1);
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  /** POP drops a mark if that is on top. */
  drop(): void {
    if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
    else this.pop();
  }

  /** Removes and returns everything above the last mark, and removes the mark. */
  popMarked(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) this.cursor.fail("lacks a mark");
    return this.#stack.splice(mark);
  }

  popText(): string {
    const value = this.pop();
    return typeof value === "string" ? value : this.cursor.fail("has another value in place of a name");
  }

  put(key: number | bigint): void {
    this.charge(ENTRY);
    this.#memo.set(Number(key), this.top());
  }

  memoize(): void {
    this.put(this.#memo.size);
  }

  get(key: number | bigint): void {
    if (!this.#memo.has(Number(key))) this.cursor.fail(`refers to its object ${key}, which does not exist,`);
    this.push(this.#memo.get(Number(key)));
  }

  append(items: unknown[]): void {
    const list = this.top();
    if (!Array.isArray(list)) this.cursor.fail("appends to a value that is not a list");
    for (const item of items) list.push(item);
  }

  add(items: unknown[]): void {
    const set = this.top();
    if (!(set instanceof Set)) this.cursor.fail("adds to a value that is not a set");
    this.charge(ENTRY * items.length);
    for (const item of items) set.add(item);
  }

  /** @param items keys and values in turn */
  setItems(items: unknown[]): void {
    const map = this.top();
    if (!(map instanceof Map)) this.cursor.fail("sets a key of a value that is not a dictionary");
    this.#fill(map, items);
  }

  /** @param items keys and values in turn */
  pushMap(items: unknown[]): void {
    this.pushContainer(this.#fill(new Map(), items));
  }

  #fill(map: Map<unknown, unknown>, items: unknown[]): Map<unknown, unknown> {
    if (items.length % 2 === 1) this.cursor.fail("has a key without a value");
    this.charge(ENTRY * items.length);
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
    return map;
  }

  pushGlobal(module: string, name: string): void {
    const { globals, reads } = this.#surroundings;
    const full = `${module}.${name}`;
    const call = Object.hasOwn(globals, full) ? globals[full] : undefined;
    if (!call) this.cursor.fail(`asks for ${shown(full)}`, `; only ${reads} are read`);
    this.push(new Global(full, call));
  }

  /** Calls an allowed function with `args`. */
  pushCall(callee: unknown, args: unknown): void {
    if (!(callee instanceof Global)) this.cursor.fail("calls a value other than a function");
    if (!Array.isArray(args))
      this.cursor.fail(`calls ${callee.name} with a value that is not a list of arguments`);
    // The function may copy its arguments.
    for (const arg of args) this.charge(sizeOf(arg));
    try {
      this.pushContainer(callee.call(...args));
    } catch (error) {
      if (error instanceof PickleError) throw error;
      const { message } = error as Error;
      throw new PickleError(`the pickle's ${callee.name} at byte ${this.cursor.operation}: ${message}`, {
        cause: error,
      });
    }
  }

  /** Sets attributes. Those of containers are dropped. */
  build(state: unknown): void {
    const object = this.top();
    if (object instanceof NumpyDtype) object.setState(state);
    else if (!(object instanceof Map)) this.cursor.fail("sets attributes of a value that has none");
  }

  pushPersistent(id: unknown): void {
    const { persistentLoad } = this.#surroundings;
    if (!persistentLoad) this.cursor.fail("asks for an object outside of it");
    if (Array.isArray(id)) this.charge(id.length);
    this.push(persistentLoad(id));
  }

  #requireAboveMark(): void {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.cursor.fail("takes from an empty stack");
  }
}

function sizeOf(value: unknown): number {
  if (value instanceof Map || value instanceof Set) return ENTRY * value.size;
  if (Array.isArray(value)) return ENTRY * value.length;
  if (typeof value === "string" || value instanceof Uint8Array) return Math.ceil(value.length / 8);
  return 0;
}
