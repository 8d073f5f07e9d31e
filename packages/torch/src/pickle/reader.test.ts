import { describe, expect, it } from "vitest";
import { written } from "./fixtures.js";
import { readPickle, readPickleAt } from "./index.js";

const latin1 = (text: string) => Buffer.from(text, "latin1");
const read = (text: string) => readPickle(latin1(text));
const refusal = (text: string): string => {
  try {
    read(text);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`${JSON.stringify(text)} was read`);
};

describe("readPickle", () => {
  it.each([0, 1, 2, 3, 4, 5])("reads every kind of plain value with protocol %d", (protocol) => {
    const ints = [0, 255, 65535, -1, 2 ** 31, 2n ** 53n, -(2n ** 70n)];
    const value = readPickle(Buffer.from(written[protocol]!, "base64")) as Map<string, unknown>;
    expect(value).toEqual(
      new Map<string, unknown>([
        ["none", null],
        ["flags", [true, false]],
        ["ints", ints],
        ["float", 1.5],
        ["text", "naïve ☃ 😀\\u0041\n"],
        ["bytes", Uint8Array.of(0, 255, 10)],
        ["array", Uint8Array.of(97, 98)],
        ["tuples", [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]],
        ["set", new Set([7])],
        ["frozen", new Set([8])],
        [
          "ordered",
          new Map([
            ["b", 1],
            ["a", 2],
          ]),
        ],
        ["__proto__", new Map([["polluted", true]])],
        ["again", ints],
      ]),
    );
    expect(value.get("again")).toBe(value.get("ints"));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it("reads Python 2's str as Latin-1, in every spelling", () => {
    expect(read("S'a\\xe9\\n\\'\\\\\\101'\np0\n.")).toBe("aé\n'\\A");
    expect(read('S"it\'s"\n.')).toBe("it's");
    expect(read("U\x02\xc3\xa9.")).toBe("Ã©");
    expect(read("T\x02\0\0\0\xc3\xa9.")).toBe("Ã©");
  });

  it("reads numpy's scalars of Python 2 and 3, of either byte order", () => {
    const dtype = (code: string, order: string) =>
      `cnumpy\ndtype\n(S'${code}'\nI0\nI1\ntR(I3\nS'${order}'\nNNNI-1\nI-1\nI0\ntb`;
    const scalar = (code: string, order: string, bytes: string) =>
      `cnumpy.core.multiarray\nscalar\n(${dtype(code, order)}S'${bytes}'\ntR`;
    expect(read(`${scalar("i8", "<", "\\x05\\x00\\x00\\x00\\x00\\x00\\x00\\x00")}.`)).toBe(5);
    expect(read(`${scalar("i8", ">", "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe")}.`)).toBe(-2);
    expect(read(`${scalar("f4", "<", "\\x00\\x00\\x00?")}.`)).toBe(0.5);
    expect(read(`${scalar("b1", "|", "\\x01")}.`)).toBe(true);
    // From numpy 2 and Python 3, protocol 4.
    const modern =
      "\x80\x04\x8c\x16numpy._core.multiarray\x94\x8c\x06scalar\x94\x93\x94\x8c\x05numpy\x94\x8c\x05dtype\x94\x93\x94" +
      "\x8c\x02i8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94b" +
      "C\x08\x07\0\0\0\0\0\0\0\x94\x86\x94R\x94.";
    expect(read(modern)).toBe(7);
    // The same from protocol 0 of Python 3, with bytes as encoded text.
    const encoded = "c_codecs\nencode\n(V\x07\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\nVlatin1\ntR";
    expect(read(`cnumpy._core.multiarray\nscalar\n(${dtype("i8", "<")}${encoded}tR.`)).toBe(7);
    expect(refusal(`${scalar("O8", "|", "")}.`)).toMatch(
      /numpy\.dtype at byte \d+: of numpy, only numbers are read/,
    );
    expect(refusal(`${scalar("i8", "<", "\\x05")}.`)).toMatch(/scalar at byte \d+: expected 8 bytes/);
  });

  it("drops attributes of dictionaries", () => {
    expect(read("ccollections\nOrderedDict\n)R}U\x09_metadata}sb.")).toEqual(new Map());
  });

  it("calls the caller's functions, and asks it for external objects", () => {
    const options = {
      globals: { "torch.Size": (...args: unknown[]) => ({ size: args[0] }) },
      persistentLoad: (id: unknown) => `object ${id}`,
    };
    expect(readPickle(latin1("ctorch\nSize\n((I1\nI2\nttR."), options)).toEqual({ size: [1, 2] });
    expect(readPickle(latin1("U\x01aQ."), options)).toBe("object a");
    expect(readPickle(latin1("P7\n."), options)).toBe("object 7");
  });

  it("returns the end of a pickle within longer data", () => {
    const two = latin1("I1\n.I2\n.");
    expect(readPickleAt(two, 0)).toEqual({ value: 1, end: 4 });
    expect(readPickleAt(two, 4)).toEqual({ value: 2, end: 8 });
    expect(refusal("I1\n.I2\n.")).toBe("the pickle ends at byte 4 of 8");
  });
});

describe("a function or object that a pickle asks for", () => {
  it.each([
    "cposix\nsystem\n(S'touch PWNED'\ntR.",
    "(S'touch PWNED'\niposix\nsystem\n.",
    "\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x0btouch PWNED\x85R.",
  ])("is refused if it is not known: %j", (hostile) => {
    expect(refusal(hostile)).toMatch(
      /^the pickle asks for posix\.system at byte \d+; only plain containers are read$/,
    );
  });

  it.each(["__proto__", "constructor", "collections.OrderedDict.__init__", "toString"])(
    "is refused also under JavaScript's own names: %s",
    (name) => {
      expect(refusal(`c${name}\n${name}\n)R.`)).toMatch(/^the pickle asks for /);
      expect(refusal(`c\n${name}\n)R.`)).toMatch(/^the pickle asks for /);
    },
  );

  it.each([
    ["U\x01aQ.", /asks for an object outside of it at byte 3/],
    ["I1\n)R.", /calls a value other than a function at byte 4/],
    ["c__builtin__\nset\nI1\nR.", /calls __builtin__.set with a value that is not a list of arguments/],
    ["]}b.", /sets attributes of a value that has none at byte 2/],
    ["\x82\x01.", /unknown operation 0x82 at byte 0/],
    ["\x80\x06N.", /has protocol 6; protocols up to 5 are read/],
  ])("is refused if it is not available: %j", (hostile, message) => {
    expect(refusal(hostile)).toMatch(message);
  });
});

describe("a broken pickle", () => {
  it.each([
    ["", /ends at byte 0, before its end mark/],
    ["I1\n", /ends at byte 3/],
    ["I1", /ends within the line that starts at byte 1/],
    ["X\xff\xff\xff\xffab.", /has 3 bytes left, but the operation at byte 0 needs 4294967295/],
    ["\x8e\xff\xff\xff\xff\xff\xff\xff\xffab.", /at byte 0 needs 18446744073709552000/],
    ["\x95\xff\0\0\0\0\0\0\0N.", /at byte 0 needs 255/],
    [".", /takes from an empty stack at byte 0/],
    ["I1\n(00.", /takes from an empty stack/],
    ["(.", /takes from an empty stack/],
    ["t.", /lacks a mark/],
    ["h\x05.", /refers to its object 5, which does not exist, at byte 0/],
    ["I1\nI2\na.", /appends to a value that is not a list/],
    ["]I1\nI2\ns.", /sets a key of a value that is not a dictionary/],
    ["(I1\nd.", /has a key without a value/],
    ["Iten\n.", /has a line that is not an integer/],
    ["\x8b\xff\xff\0\0", /has an integer of 65535 bytes/],
    ["F1.5.5\n.", /has a line that is not a number/],
    ["X\x02\0\0\0\xc3\x28.", /has a text that is not UTF-8/],
    ["S'a\n.", /has a text without quotation marks/],
  ])("is refused: %j", (broken, message) => {
    expect(refusal(broken)).toMatch(message);
  });

  it("is refused if a number has more digits than Python reads", () => {
    expect(refusal(`L${"9".repeat(5000)}L\n.`)).toMatch(/has an integer of 5001 digits/);
  });

  it("is refused if it contains itself or is nested too deep", () => {
    expect(refusal("]q\0h\0a.")).toBe("the pickle has a container that contains itself");
    expect(refusal("}q\0U\x01ah\0s.")).toBe("the pickle has a container that contains itself");
    expect(refusal(`)${"\x85".repeat(100_000)}.`)).toBe("the pickle is nested more than 500 deep");
    expect(read(`)${"\x85".repeat(499)}.`)).toHaveLength(1);
    // Each is a pair of the previous one, built from the inside: depth is counted through shared objects.
    expect(refusal(`]q\0${"0h\0h\0\x86q\0".repeat(600)}.`)).toBe("the pickle is nested more than 500 deep");
  });

  it("costs no more than its length, also with shared and copied objects", () => {
    const begin = process.cpuUsage();
    // 2^400 elements, if nothing were shared.
    expect(read(`]q\0${"0h\0h\0\x86q\0".repeat(400)}.`)).toHaveLength(2);
    // A list of 100,000 copied into 100,000 sets.
    const copies = "0c__builtin__\nset\nh\0\x85R".repeat(100_000);
    expect(refusal(`](${"N".repeat(100_000)}eq\0${copies}.`)).toMatch(/needs too much memory/);
    expect(refusal("}".repeat(2_000_000))).toMatch(/needs too much memory/);
    const { user, system } = process.cpuUsage(begin); // CPU time does not depend on other processes.
    expect((user + system) / 1e6).toBeLessThan(5);
  });
});

describe("a pickle whose line ends became CR LF", () => {
  const mangled = (bytes: Buffer) => latin1(bytes.toString("latin1").replaceAll("\n", "\r\n"));

  it("is read as before the change if all of it is lines", () => {
    const intact = Buffer.from(written[0]!, "base64");
    expect(readPickle(mangled(intact))).toEqual(readPickle(intact));
  });

  it.each([1, 2, 3])(
    "is refused with the cause and the remedy if bytes are counted (protocol %d)",
    (protocol) => {
      const message = refusal(mangled(Buffer.from(written[protocol]!, "base64")).toString("latin1"));
      expect(message).toMatch(
        /its line ends were changed to CR LF, as git does on Windows\. Get the file again/,
      );
    },
  );

  it("is not assumed if only a text ends in CR LF", () => {
    expect(read("\x80\x02U\x03a\r\nq\0.")).toBe("a\r\n");
    expect(read("Va\r\np0\n.")).toBe("a\r");
  });
});
