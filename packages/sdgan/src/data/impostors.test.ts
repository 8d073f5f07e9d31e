import { describe, expect, it } from "vitest";
import { describeImpostor } from "./impostors.js";

describe("describeImpostor", () => {
  const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";

  it.each<[string, string, RegExp]>([
    ["a Git LFS pointer", pointer, /^is a Git LFS pointer, not the file: run `git lfs pull`/],
    [
      "one with CR LF and a byte order mark",
      `\ufeff${pointer.replaceAll("\n", "\r\n")}`,
      /Git LFS pointer, not the file/,
    ],
    ["a git-annex pointer", "/annex/objects/MD5E-s9--abc.png\n", /git-annex pointer.*`git annex get`/],
    ["a web page", "<!DOCTYPE html><html>404</html>", /^is a web page, not the file: download it again$/],
    ["one without a doctype", "\ufeff\r\n  <HTML lang='en'>", /is a web page/],
    ["one with a comment", "<!-- saved --> <!-- twice -->\n<!doctype HTML >", /is a web page/],
    ["XHTML", '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0">', /is a web page/],
    [
      "a long page, of which only the beginning is given",
      `<html>${"x".repeat(5000)}`.slice(0, 1024),
      /is a web page/,
    ],
    [
      "a store's error in XML",
      '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
      /^is a server's error message, not the file: download it again$/,
    ],
    ["an error in JSON", '{"error": "Repository not found"}', /server's error message/],
    ["a message with more fields", '{"message": "Not Found", "status": "404"}', /server's error message/],
    ["an error in words", "404: Not Found", /server's error message/],
  ])("recognizes %s", (_, text, expected) => {
    expect(describeImpostor(Buffer.from(text))).toMatch(expected);
  });

  it.each<[string, string | Buffer]>([
    ["nothing", ""],
    ["an SVG", "<svg xmlns='http://www.w3.org/2000/svg'/>"],
    [
      "an SVG with a prolog and a page in it",
      "<?xml version='1.0'?><!-- x --><!DOCTYPE svg><svg><foreignObject><html/></foreignObject></svg>",
    ],
    ["a comment without an end", "<!-- <html>"],
    ["a declaration without an end", "<?xml <html>"],
    ["XML", "<?xml version='1.0'?><Errors/>"],
    ["a row of a list", '{"file_name": "a.png", "text": "x", "error": null}'],
    ["a row whose caption has this key", '{"image": "a.png", "message": "x"}'],
    ["several rows of JSON", '{"error": 1}\n{"error": 2}'],
    ["a list of JSON", '["error"]'],
    ["a status alone", '{"status": 1}'],
    ["a caption about a version", "version https://example.org"],
    ["a caption about a page", "html is a language; <html> begins it"],
    ["a caption that continues", "404: Not Found is written on a wall"],
    ["a JPEG", Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0x10])],
  ])("does not take %s for something else", (_, content) => {
    expect(describeImpostor(Buffer.from(content))).toBeUndefined();
  });
});
