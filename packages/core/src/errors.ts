/** What a program may want to tell apart; each is stable from version to version. */
export const userErrorCodes = {
  usage: "a command was called wrongly: an option's value, or options that exclude each other",
  "config.invalid": "a configuration: a preset's name, a file, a key or a value",
  "caption.empty": "a caption has no word at all",
  "caption.unknown-words": "a caption has no word that the model knows",
  "vocabulary.invalid": "a file is no vocabulary",
  "model.invalid": "a file is no manifest of an exported model",
  "file.missing": "a file or folder that is needed is not there",
  "file.invalid": "a file is damaged, or is not of the expected kind",
  "file.exists": "something is there already and is not overwritten",
  "file.system": "the file system refuses: no permission, no room",
  "data.invalid": "images and captions, or a prepared folder, are damaged or cannot be used",
  "data.mismatch": "the data does not fit the configuration, the run or the model",
  "checkpoint.mismatch": "weights do not fit the configuration, or networks do not fit each other",
  "run.busy": "another process works in the folder",
  "device.unavailable": "the device, its memory or libtorch is not there",
  "training.failed": "training cannot go on: a weight or a loss is no number any more",
  interrupted: "the work was ended from outside; what is done is kept",
  invalid: "anything else",
} as const;

export type UserErrorCode = keyof typeof userErrorCodes;

/**
 * A mistake of the user's, or a thing of the user's that is broken: shown as one line, without a stack trace.
 * The message names the thing, what was found, what was expected and what to do; `code` is for programs.
 */
export class UserError extends Error {
  override name = "UserError";
  readonly code: UserErrorCode;

  constructor(message: string, { code = "invalid", cause }: { code?: UserErrorCode; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
