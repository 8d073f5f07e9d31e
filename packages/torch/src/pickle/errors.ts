/** An error of a pickle. The message starts with "the pickle", so that a file's name can precede it. */
export class PickleError extends Error {
  override name = "PickleError";
}

/** The bytes end before the pickle does. */
export class PickleEnd extends PickleError {
  override name = "PickleEnd";
}
