import { UserError } from "@sdgan/core";
import { parseDocument, type YAMLError } from "yaml";

/**
 * The value of a YAML text; undefined if there is none. `where` names the text in messages.
 * @throws UserError of one line: the place, what was found and what to do.
 */
export function parseYaml(text: string, where: string): unknown {
  const document = parseDocument(text.replace(/^\ufeff/, ""), { prettyErrors: true });
  // Warnings too: they are about tags, whose meaning would be ignored.
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw refusal(where, explain(problem, text));
  try {
    return document.contents === null ? undefined : document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw refusal(where, (cause as Error).message);
  }
}

function refusal(where: string, problem: string): UserError {
  return new UserError(`${where}: not valid YAML: ${problem}`, { code: "config.invalid" });
}

/** The library's messages continue with an excerpt of the text, on further lines. */
function explain({ code, message, linePos, pos }: YAMLError, text: string): string {
  const line = linePos ? `line ${linePos[0].line}` : "a line";
  switch (code) {
    case "TAB_AS_INDENT":
      return `${line} is indented with a tab: use spaces`;
    case "DUPLICATE_KEY":
      return `${line} gives the key ${/^[^:\n]*/.exec(text.slice(pos[0]))![0].trim()} a second time: remove one of the two`;
    case "MULTIPLE_DOCS":
      return `${line} begins a second document: give one configuration per file`;
    case "TAG_RESOLVE_FAILED":
      return `${line} has a tag (a word after !), which has no meaning here: remove it`;
    default:
      return message.split("\n")[0]!.replace(/:$/, "");
  }
}
