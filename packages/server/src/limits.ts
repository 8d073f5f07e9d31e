/** What a server holds and does at most. Whatever is beyond it is refused at once. */
export interface Limits {
  /** Images that wait or are computed. */
  queue: number;
  /** Images of one request. */
  images: number;
  /** Characters of a prompt. */
  prompt: number;
  /** Bytes of a request's body. */
  body: number;
  /** Bytes of a request's headers. */
  headers: number;
  /** Open connections. */
  connections: number;
  /** Images that are computed together. */
  batch: number;
  /** Requests per minute of a key, or of an address where there are no keys; 0 for any number. */
  rate: number;
  /** Milliseconds in which a request must have arrived. */
  receiveMs: number;
  /** Milliseconds in which a request's images must be computed. */
  waitMs: number;
  /** Milliseconds in which a client must have read its answer. */
  sendMs: number;
  /** Milliseconds after which an idle connection is closed: longer than clients keep theirs, which is 60 s for nginx. */
  idleMs: number;
  /** Bytes of answers that clients have not read yet. */
  unsent: number;
  /** Milliseconds after which a thread that computes a batch is taken for dead. */
  batchMs: number;
}

export const defaultLimits: Limits = {
  ...{ queue: 64, images: 32, prompt: 1000, body: 2 ** 16, headers: 2 ** 14, connections: 1000, batch: 8 },
  ...{ rate: 0, receiveMs: 10_000, waitMs: 60_000, sendMs: 30_000, idleMs: 72_000 },
  ...{ unsent: 2 ** 26, batchMs: 60_000 },
};
