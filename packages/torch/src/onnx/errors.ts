/** A call that ONNX cannot express, with the line of the model that made it. */
export class OnnxExportError extends Error {
  override readonly name = "OnnxExportError";

  /**
   * @param operator as in `call`
   * @param line where the model calls it
   */
  constructor(
    readonly operator: string,
    readonly line: string,
    reason: string,
  ) {
    super(`exportOnnx: ${operator} cannot be exported: ${reason}. It is called by ${line}`);
  }
}
