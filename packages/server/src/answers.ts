import type { FastifyReply, FastifyRequest } from "fastify";
import { busy } from "./errors.js";
import type { Limits } from "./limits.js";

/** A signal that is aborted when the client closes the connection before its answer is sent. */
export function clientSignal(reply: FastifyReply, onAbort: () => void): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (reply.raw.writableFinished) return;
    controller.abort(new ClientGone());
    onAbort();
  });
  return controller.signal;
}

/** The client has closed the connection: nobody gets the answer. */
export class ClientGone extends Error {
  override name = "ClientGone";
}

/** Answers that clients have not read yet. Slow readers cannot fill the memory, and lose their connection in the end. */
export class Outbox {
  readonly #limits: Pick<Limits, "unsent" | "sendMs">;
  #bytes = 0;

  constructor(limits: Pick<Limits, "unsent" | "sendMs">) {
    this.#limits = limits;
  }

  /** @throws ApiError 503 if too much is unread */
  refuseIfFull(): void {
    if (this.#bytes > this.#limits.unsent)
      throw busy("Too many answers have not been read yet. Try again later.", 5);
  }

  /** Watches the sending of an answer. */
  watch({ raw }: FastifyRequest, reply: FastifyReply, bytes: number): void {
    this.#bytes += bytes;
    const timer = setTimeout(() => raw.socket.destroy(), this.#limits.sendMs);
    reply.raw.once("close", () => {
      this.#bytes -= bytes;
      clearTimeout(timer);
    });
  }
}
