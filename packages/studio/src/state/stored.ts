/** What the page remembers in this browser. */
import { effect, type Signal, signal } from "@preact/signals";

/**
 * A value that is kept between visits, in `localStorage` where the browser allows it.
 * @param isValid whether a stored value can be used
 */
export function stored<Value>(
  key: string,
  initial: Value,
  isValid: (value: unknown) => value is Value,
): Signal<Value> {
  const value = signal(read(key, initial, isValid));
  effect(() => write(key, value.value));
  return value;
}

export function oneOf<const Values extends readonly unknown[]>(...values: Values) {
  return (value: unknown): value is Values[number] => values.includes(value);
}

function read<Value>(key: string, initial: Value, isValid: (value: unknown) => value is Value): Value {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(PREFIX + key) ?? "null");
    return isValid(value) ? value : initial;
  } catch {
    return initial;
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Private windows and full storage: the page works, and forgets.
  }
}

const PREFIX = "sdgan-studio/";
