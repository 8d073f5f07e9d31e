/** For tests: a server of files on this machine, as a web server would serve them. */
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

export interface FileServer {
  /** With a slash at its end. */
  url: string;
  close(): Promise<void>;
}

const TYPES: Record<string, string> = {
  ...{ ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript" },
  ...{ ".wasm": "application/wasm", ".json": "application/json" },
};

/**
 * @param roots folders whose files are served; the first that has a file counts
 * @param pages further files by their path, as text
 * @param aliases starts of paths that stand for others
 * @param isolated with the headers that make a page cross-origin isolated
 */
export async function serve(
  roots: readonly string[],
  {
    pages = {},
    aliases = {},
    isolated = false,
  }: { pages?: Record<string, string>; aliases?: Record<string, string>; isolated?: boolean } = {},
): Promise<FileServer> {
  const server = createServer((request, response) => {
    let path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    for (const [alias, of] of Object.entries(aliases))
      if (path.startsWith(alias)) path = of + path.slice(alias.length);
    response.setHeader("Content-Type", TYPES[extname(path) || ".html"] ?? "application/octet-stream");
    response.setHeader("Cache-Control", "max-age=600");
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    const page = pages[path];
    const file = roots.map((root) => join(root, normalize(path))).find(isFile);
    if (page !== undefined) response.end(page);
    else if (file) createReadStream(file).pipe(response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
