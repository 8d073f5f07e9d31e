/** Error codes for programs. They stay the same from version to version. */
export const userErrorCodes = {
  usage: "a command was called wrongly: an option's value, or options that exclude each other",
  "config.invalid": "a configuration: a preset's name, a file, a key or a value",
  "caption.empty": "a caption has no words",
  "caption.unknown-words": "a caption has no word that the model knows",
  "vocabulary.invalid": "a file is not a vocabulary",
  "model.invalid": "a file is not the manifest of an exported model",
  "file.missing": "a required file or folder does not exist",
  "file.invalid": "a file is damaged, or is not of the expected kind",
  "file.exists": "a file or folder already exists and is not overwritten",
  "file.system": "the file system refuses an operation: no permission, no space",
  "data.invalid": "images and captions, or a prepared folder, are damaged or cannot be used",
  "data.mismatch": "the data does not fit the configuration, the run or the model",
  "checkpoint.mismatch": "weights do not fit the configuration, or networks do not fit each other",
  "export.differs": "an exported model does not generate the same images as its run",
  "run.busy": "another process works in the folder",
  "device.unavailable": "the device, enough memory on it, or libtorch is missing",
  "training.failed": "training cannot continue: a weight or a loss is NaN or infinite",
  "process.lost": "one of several processes that train together has ended, hangs, or cannot be reached",
  interrupted: "the work was interrupted; finished parts are kept",
  invalid: "anything else",
} as const;

export type UserErrorCode = keyof typeof userErrorCodes;

/**
 * An error that the user can fix, such as a wrong option or a damaged file: shown as one line, without a stack trace.
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
