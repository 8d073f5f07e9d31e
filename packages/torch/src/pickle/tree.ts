/** Checks that no container in a result contains itself, and that it is not nested too deep. */
import { PickleError } from "./errors.js";

/** Python's pickler fails at about half of this. */
const DEEPEST = 500;

interface Visit {
  container: object;
  children: Iterator<unknown>;
  height: number;
}

/**
 * Visits every container once, also if it is shared.
 * @throws {PickleError}
 */
export function requireTree(root: unknown): void {
  /** The levels below each container; undefined while it is being visited. */
  const heights = new Map<object, number | undefined>();
  const path: Visit[] = [];
  const enter = (value: unknown): number => {
    if (!isContainer(value)) return 0;
    if (heights.has(value)) {
      const height = heights.get(value);
      if (height === undefined) throw new PickleError("the pickle has a container that contains itself");
      return height;
    }
    if (path.length >= DEEPEST) throw tooDeep();
    heights.set(value, undefined);
    path.push({ container: value, children: childrenOf(value), height: 1 });
    return 0;
  };

  enter(root);
  for (let visit = path.at(-1); visit; visit = path.at(-1)) {
    const { value, done } = visit.children.next();
    if (!done) {
      visit.height = Math.max(visit.height, enter(value) + 1);
      continue;
    }
    path.pop();
    if (visit.height > DEEPEST) throw tooDeep();
    heights.set(visit.container, visit.height);
    const parent = path.at(-1);
    if (parent) parent.height = Math.max(parent.height, visit.height + 1);
  }
}

function tooDeep(): PickleError {
  return new PickleError(`the pickle is nested more than ${DEEPEST} deep`);
}

type Container = unknown[] | Map<unknown, unknown> | Set<unknown>;

function isContainer(value: unknown): value is Container {
  return Array.isArray(value) || value instanceof Map || value instanceof Set;
}

function* childrenOf(container: Container): Iterator<unknown> {
  if (container instanceof Map) {
    for (const [key, value] of container) {
      yield key;
      yield value;
    }
  } else yield* container;
}
