/**
 * A mistake of the user's, or a thing of the user's that is broken: shown as one line, without a stack trace.
 * The message names the thing, what was found, what was expected and what to do.
 */
export class UserError extends Error {
  override name = "UserError";
}
