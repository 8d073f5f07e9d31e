/** What the page and its worker send each other. */
import type { End, Generated, GenerateRequest, WalkRequest } from "./engine.js";

export type ToWorker = { id: number } & (
  | { kind: "prepare"; model: string; modelsUrl: string }
  | { kind: "generate"; request: GenerateRequest; modelsUrl: string }
  | { kind: "walk"; request: WalkRequest; modelsUrl: string }
  | { kind: "png"; model: string; end: End; modelsUrl: string }
  | { kind: "abort" }
);

export type FromWorker = { id: number } & (
  | { kind: "progress"; share: number }
  | { kind: "image"; image: Generated; index: number }
  | { kind: "png"; png: Uint8Array<ArrayBuffer> }
  | { kind: "done" }
  | { kind: "error"; message: string; code: string; aborted: boolean }
);
