import { quote } from "@sdgan/core";
import type { Row, RowReports, Rows } from "./rows.js";

/** Whether a text begins like Flickr8k's list: `1000268201.jpg#0`, a tab and a caption. */
export function isTokenList(text: string): boolean {
  return LINE.test(
    text
      .trimStart()
      .slice(0, 2000)
      .split(/[\r\n]/, 1)[0]!,
  );
}

/** The rows of Flickr8k's list, one caption each. */
export function readTokenRows(text: string, { refuse }: RowReports): Rows {
  const rows: Row[] = [];
  for (const [index, line] of text.split(/\r\n?|\n/).entries()) {
    if (line.trim() === "") continue;
    const [, image, caption] = LINE.exec(line) ?? [];
    if (image === undefined) {
      refuse(
        `expected a line such as "1.jpg#0", a tab and a caption, found ${quote(line.trim())}`,
        index + 1,
      );
    }
    rows.push({ line: index + 1, content: { image, caption } });
  }
  return { rows, separator: ":", numbered: true };
}

const LINE = /^([^\t#]+)#\d+\t(.*)$/;
