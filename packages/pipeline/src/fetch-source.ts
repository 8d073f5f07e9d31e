import { concatenated, UserError, visible } from "@sdgan/core";
import type { ModelSource, ReadOptions } from "./model-files.js";

/** A model whose files are beside each other below `base`, such as https://example.org/models/birds/. */
export function fetchSource(base: URL): ModelSource {
  const folder = new URL(base);
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  return {
    where: folder.href,
    read: (name, options) => download(new URL(name, folder), options),
  };
}

async function download(url: URL, { limit, signal, onBytes }: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
  const where = visible(url.href);
  let response: Response;
  try {
    response = await fetch(url, signal ? { signal } : {});
  } catch (cause) {
    signal?.throwIfAborted();
    throw new UserError(`${where}: cannot be read: ${reason(cause)}. Check the address and the connection.`, {
      ...{ code: "file.missing", cause },
    });
  }
  if (!response.ok)
    throw new UserError(`${where}: the server answers with status ${response.status}. Check the address.`, {
      code: "file.missing",
    });
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done || !value) break;
      parts.push(value);
      length += value.length;
      if (length > limit)
        throw new UserError(`${where}: has more than the ${limit} bytes that are expected of it.`, {
          code: "file.invalid",
        });
      onBytes?.(value.length);
    }
  } catch (cause) {
    await reader?.cancel().catch(() => {});
    signal?.throwIfAborted();
    if (cause instanceof UserError) throw cause;
    throw new UserError(`${where}: ended after ${length} bytes: ${reason(cause)}. Try again.`, {
      ...{ code: "file.missing", cause },
    });
  }
  return concatenated(parts);
}

function reason(cause: unknown): string {
  const error = Object(cause) as { message?: unknown; cause?: { message?: unknown } };
  return visible(String(error.cause?.message ?? error.message ?? cause).slice(0, 200));
}
