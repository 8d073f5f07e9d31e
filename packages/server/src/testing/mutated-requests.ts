/** For tests: hostile requests, as bytes of a connection. */
import { randomFillSync } from "node:crypto";
import { connect } from "node:net";
import type { Random } from "@sdgan/core";
import { WORDS } from "./tiny-server.js";

/** A request that was changed in one of many ways. */
export interface MutatedRequest {
  /** The kind of change, for messages. */
  kind: string;
  bytes: Buffer;
}

export interface Outcome {
  /** The statuses of the answers; none if the connection was closed without any. */
  statuses: number[];
  ms: number;
}

export function mutatedRequest(random: Random): MutatedRequest {
  const kind = random.pick(Object.keys(mutations));
  return { kind, bytes: mutations[kind]!(random) };
}

/**
 * Sends the bytes, and reads what is answered until the server closes. The sending half is closed after the answer, or when
 * none comes: the server takes a client that closes it earlier for one that left.
 */
export function sendBytes(port: number, bytes: Buffer, timeoutMs: number): Promise<Outcome> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end after ${timeoutMs} ms`));
    }, timeoutMs);
    const done = () => {
      clearTimeout(timer);
      clearTimeout(ending);
      const text = Buffer.concat(parts).toString("latin1");
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
      resolve({ statuses, ms: performance.now() - start });
    };
    let ending = setTimeout(() => socket.end(), NO_ANSWER_MS);
    socket.on("data", (part) => {
      parts.push(part);
      clearTimeout(ending);
      ending = setTimeout(() => socket.end(), ANSWERED_MS);
    });
    // The server may close before it has read everything.
    socket.on("error", () => {});
    socket.on("end", () => socket.destroy());
    socket.on("close", done);
    socket.write(bytes);
  });
}

const NO_ANSWER_MS = 400;
const ANSWERED_MS = 20;

type Mutation = (random: Random) => Buffer;

const mutations: Record<string, Mutation> = {
  "values of other types": (random) => post(changed(random)),
  "another structure": (random) =>
    post(random.pick(["[]", "null", "1", '"bird"', "", "{", "}{", "tru", "[[]]", "{}{}"])),
  "deep nesting": (random) => {
    const depth = 10 ** (1 + random.below(4));
    const [open, close] = random.pick([
      ["[", "]"],
      ['{"a":', "}"],
      ['{"prompt":', "}"],
    ] as const);
    return post(`${open.repeat(depth)}1${random.chance(0.5) ? close.repeat(depth) : ""}`);
  },
  "keys that programs use": (random) => {
    const key = random.pick([
      "__proto__",
      "constructor",
      "prototype",
      "toString",
      "hasOwnProperty",
      "",
      "\u0000",
    ]);
    return post(
      `{"prompt":"bird",${JSON.stringify(key)}:${random.pick(['{"n":9}', "1", '"x"', '{"prototype":{}}'])}}`,
    );
  },
  "a prompt of any characters": (random) => {
    const alphabet = random.pick(ALPHABETS);
    const length = 10 ** random.below(5);
    const prompt = Array.from({ length }, () => random.pick(alphabet)).join("");
    return post(JSON.stringify({ prompt: random.chance(0.5) ? prompt : `bird ${prompt}` }));
  },
  "bytes that are not UTF-8": (random) => {
    const body = Buffer.from('{"prompt":"bird \xff\xfe\xc3\x28"}', "latin1");
    body[random.below(body.length)] = random.below(256);
    return post(body);
  },
  "a long body": (random) =>
    post(`{"prompt":"${"x".repeat(random.pick([60_000, 65_536, 70_000, 1_000_000]))}"}`),
  "another length": (random) =>
    post('{"prompt":"bird"}', {
      "Content-Length": random.pick(["0", "5", "18", "99999", "-1", "x", "1e3", "17, 17"]),
    }),
  chunks: (random) => {
    const chunk = random.pick([
      '11\r\n{"prompt":"bird"}\r\n0\r\n\r\n',
      "zz\r\n",
      "ffffffffffffffff\r\nx",
      "5;a=b\r\nabc",
      "0\r\n\r\n",
    ]);
    const head = "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json";
    return Buffer.from(`${head}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunk}`);
  },
  "another content type": (random) =>
    post('{"prompt":"bird"}', {
      "Content-Type": random.pick([
        ...["text/plain", "application/json; charset=utf-16", "application/x-www-form-urlencoded", "x", ""],
        ...["multipart/form-data; boundary=x", "application/json, text/html", "application/json;;;", "*/*"],
      ]),
    }),
  "other headers": (random) => {
    const value = random.pick([
      "x".repeat(20_000),
      "\x01",
      "é",
      "a\r\n b",
      "a\nX-Y: z",
      "",
      "%00",
      "../../etc/passwd",
    ]);
    return post('{"prompt":"bird"}', {
      [random.pick(["Host", "Origin", "Authorization", "X", "Cookie", "Expect"])]: value,
    });
  },
  "many headers": (random) => {
    const headers = Object.fromEntries(Array.from({ length: random.below(3000) }, (_, i) => [`X-${i}`, "y"]));
    return post('{"prompt":"bird"}', headers);
  },
  "another address": (random) => {
    const path = random.pick([
      ...[
        "/../../etc/passwd",
        "/v1/models/%2e%2e%2f",
        "/api/runs/%00",
        "/%",
        "//",
        "/v1/models/%ff",
        "*",
        "http://x/",
      ],
      ...[
        `/${"a".repeat(9000)}`,
        "/api/runs/a/samples/-1",
        "/api/runs/x?since=1e999",
        "/?__proto__[a]=1",
        "/v1//models",
      ],
    ]);
    const method = random.pick([
      "GET",
      "HEAD",
      "PUT",
      "DELETE",
      "OPTIONS",
      "TRACE",
      "CONNECT",
      "PATCH",
      "FOO",
      "get",
    ]);
    return Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  },
  "the end missing": (random) => {
    const whole = post(changed(random));
    return whole.subarray(0, random.below(whole.length));
  },
  "other bytes": (random) => {
    const bytes = post(changed(random));
    for (let i = random.below(6); i >= 0; i--) bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  },
  noise: (random) => randomFillSync(Buffer.alloc(1 + random.below(5000))),
  "two requests": (random) =>
    Buffer.concat([post(changed(random), { Connection: "keep-alive" }), post(changed(random))]),
};

/** A body with one value of another kind. */
function changed(random: Random): string {
  const body: Record<string, unknown> = {
    prompt: `a ${random.pick(WORDS)}`,
    n: 1,
    size: "auto",
    seed: 1,
    model: "tiny",
  };
  const key = random.pick([
    "prompt",
    "n",
    "size",
    "seed",
    "model",
    "response_format",
    "stages",
    "user",
    "stream",
    "x",
  ]);
  body[key] = random.pick<unknown>([
    ...[null, true, -1, 0, 1.5, 1e308, 2 ** 53, 33, "", "x", "64x64", "url", [], {}, [1], { a: 1 }],
    ...["\ud800", "\u202e", "a\u0000b", "🐦", "x".repeat(999), "__proto__", "constructor", "toString"],
  ]);
  const text = JSON.stringify(body);
  return random.chance(0.1)
    ? text.replace(/1/, random.pick(["1e400", "-0", "01", "NaN", "1".repeat(400)]))
    : text;
}

const ALPHABETS: readonly (readonly string[])[] = [
  ["a", "b", " "],
  ["\u0000", "\u0001", "\u001b", "\r", "\n"],
  ["\ud800", "\udc00", "x"],
  ["é", "e\u0301", "ﬁ", "ß", "İ"],
  ["\u202e", "\u200b", "\u200d", "\ufeff", "\u2028"],
  ["小", "鸟", "赤", "い"],
  ["🐦", "👩‍👩‍👧", "🏳️‍🌈"],
  ["a\u0300\u0301\u0302\u0303", "ن", "ب"],
];

function post(body: string | Buffer, headers: Record<string, string> = {}): Buffer {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
  const all = {
    ...{ Host: "localhost", "Content-Type": "application/json", "Content-Length": String(bytes.length) },
    ...{ Connection: "close", ...headers },
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const head = ["POST /v1/images/generations HTTP/1.1", ...lines].join("\r\n");
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, "latin1"), bytes]);
}
