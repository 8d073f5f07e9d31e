/** For tests and measurements: requests whose answers are timed, and compared with what was asked. */
import { type Agent, type IncomingMessage, request } from "node:http";
import { readTexts } from "@sdgan/core";

export interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  text: string;
  /** From the request to the end of the answer. */
  ms: number;
}

/** Sends a request; rejects if the connection ends without an answer. */
export function send(
  url: string,
  {
    body,
    method = body === undefined ? "GET" : "POST",
    headers = {},
    agent,
  }: { body?: string | Buffer; method?: string; headers?: Record<string, string>; agent?: Agent } = {},
): Promise<Answer> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { "Content-Type": "application/json" };
    const sent = request(
      url,
      { method, headers: { ...type, ...headers }, ...(agent && { agent }) },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("error", reject);
        answer.on("end", () => {
          const text = Buffer.concat(parts).toString();
          resolve({
            status: answer.statusCode!,
            headers: answer.headers,
            text,
            ms: performance.now() - start,
          });
        });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Asks for images as the OpenAI API does. */
export function generate(url: string, body: object, agent?: Agent): Promise<Answer> {
  return send(`${url}v1/images/generations`, { body: JSON.stringify(body), ...(agent && { agent }) });
}

/** Whether an answer has the images of this prompt and seed, by the texts in the PNGs. */
export function hasOwnImages({ text }: Answer, prompt: string, seed: number, count = 1): boolean {
  const { data } = JSON.parse(text) as { data: { b64_json: string }[] };
  return (
    data.length === count &&
    data.every(({ b64_json }, i) => {
      const { Description, Seed, Number: number } = readTexts(Buffer.from(b64_json, "base64"));
      return Description === prompt && Seed === String(seed) && number === String(i + 1);
    })
  );
}
