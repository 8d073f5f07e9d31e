/** What is wrong with a pickle. The message begins with "the pickle", so that a file's name can stand before it. */
export class PickleError extends Error {
  override name = "PickleError";
}

/** The bytes end before the pickle does. */
export class PickleEnd extends PickleError {
  override name = "PickleEnd";
}
