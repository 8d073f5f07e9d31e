/**
 * What a file is that stands in place of another, from its first bytes, with the remedy, to be put after the
 * file's name: "is a Git LFS pointer, not the file: run …". Incomplete downloads and clones leave such files
 * in place of images, archives, weights and lists. Undefined for any other content. `bytes` is the file or
 * its beginning; at least 1,024 bytes, or all of them, are needed.
 */
export function describeImpostor(bytes: Buffer): string | undefined {
  const text = bytes
    .toString("utf8", 0, START_BYTES)
    .replace(/^\ufeff/, "")
    .trimStart();
  if (text.startsWith("version https://git-lfs.github.com/spec/")) {
    return "is a Git LFS pointer, not the file: run `git lfs pull` in its repository";
  }
  if (text.startsWith("/annex/objects/")) {
    return "is a git-annex pointer, not the file: run `git annex get` in its repository";
  }
  const root = afterProlog(text);
  if (/^<(!doctype\s+html|html|head|body)[\s>]/i.test(root)) {
    return "is a web page, not the file: download it again";
  }
  if (/^<Error>\s*<Code>/.test(root) || isErrorText(text) || (bytes.length <= ERROR_BYTES && isError(bytes)))
    return "is a server's error message, not the file: download it again";
  return undefined;
}

const START_BYTES = 1024;

/** Without the XML declaration and the comments at the beginning. */
function afterProlog(text: string): string {
  let rest = text;
  for (;;) {
    const end = rest.startsWith("<?xml")
      ? rest.indexOf("?>") + 2
      : rest.startsWith("<!--")
        ? rest.indexOf("-->") + 3
        : 0;
    // An index of -1 gives 1 or 2: the prolog does not end here.
    if (end < 3) return rest;
    rest = rest.slice(end).trimStart();
  }
}

/** The whole body of common servers' answers for a file that they do not have, or not for everyone. */
function isErrorText(text: string): boolean {
  return /^(404: not found|404 not found|entry not found|repository not found|access denied|invalid username or password\.?)\s*$/i.test(
    text,
  );
}

/** Whether it is a JSON object that has an error or a message, and nothing else that a list or a model has. */
function isError(bytes: Buffer): boolean {
  try {
    const content: unknown = JSON.parse(bytes.toString("utf8").replace(/^\ufeff/, ""));
    if (typeof content !== "object" || content === null || Array.isArray(content)) return false;
    const keys = Object.keys(content).map((key) => key.toLowerCase());
    const hasError = keys.some((key) => ERROR_KEYS.has(key));
    return hasError && keys.every((key) => ERROR_KEYS.has(key) || MORE_KEYS.has(key));
  } catch {
    return false;
  }
}

/** Larger ones are not parsed. */
const ERROR_BYTES = 4096;
const ERROR_KEYS = new Set(["error", "errors", "message"]);
const MORE_KEYS = new Set([
  "documentation_url",
  "status",
  "statuscode",
  "code",
  "detail",
  "details",
  "success",
]);
