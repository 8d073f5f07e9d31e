import { describeImpostor, UserError } from "@sdgan/core";
import type { DataFolder } from "../data-folder.js";
import { decodeText } from "../decode-text.js";
import type { Remarks } from "../remarks.js";

/**
 * The text of a list, decoded as `decodeText` does; an encoding other than UTF-8 is reported. Throws a
 * `UserError` for a pointer, a web page or a binary file in place of the list.
 */
export function readListText(data: DataFolder, list: string, remarks: Remarks): string {
  const bytes = data.readList(list);
  const problem = describeImpostor(bytes) ?? describeBinary(bytes);
  if (problem !== undefined) throw new UserError(`${data.at(list)}: ${problem}`, { code: "data.invalid" });
  const { text, note } = decodeText(bytes);
  if (text.includes("\0"))
    throw new UserError(`${data.at(list)}: is not a text file: save it as UTF-8 text`, {
      code: "data.invalid",
    });
  if (note !== undefined) remarks.note(list, note);
  return text;
}

function describeBinary(bytes: Buffer): string | undefined {
  const start = bytes.toString("latin1", 0, 4);
  if (start === "PK\x03\x04")
    return "is a zip archive or a spreadsheet, not a text: unpack it, or save it as CSV";
  if (start.startsWith("\x1f\x8b")) return "is compressed: unpack it with gunzip";
  if (start === "PAR1") return "is a Parquet file, not a text: export it as CSV or JSON lines";
  return undefined;
}
