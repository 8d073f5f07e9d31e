import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join, relative, sep } from "node:path";
import type { FastifyInstance } from "fastify";

/**
 * The page at `/`: the files of @sdgan/studio, or a short text if it is not installed. Their list is made at the start; a
 * request's path is only looked up in it, so that no path of a request reaches the file system.
 *
 * @param folder the page's files; undefined if there is none
 */
export function addPageRoutes(app: FastifyInstance, folder: string | undefined): void {
  const files = folder === undefined ? new Map<string, string>() : filesOf(folder);
  if (!files.has("/index.html")) {
    app.get("/", async (_, reply) => reply.type("text/plain; charset=utf-8").send(TEXT));
    return;
  }
  for (const [path, file] of files) {
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    for (const url of path === "/index.html" ? ["/", path] : [path])
      app.get(encodeURI(url), async (_, reply) => {
        reply.headers({ "Content-Security-Policy": PAGE_POLICY, ...ISOLATED });
        return reply.type(type).send(createReadStream(file));
      });
  }
}

/** The built page of the package @sdgan/studio, if it is installed. */
export function studioFolder(): string | undefined {
  try {
    const page = createRequire(import.meta.url).resolve("@sdgan/studio/index.html");
    return existsSync(page) ? dirname(page) : undefined;
  } catch {
    return undefined;
  }
}

/** The page loads nothing from elsewhere. WebAssembly and its workers may run. */
const PAGE_POLICY = [
  ...["default-src 'self'", "script-src 'self' 'wasm-unsafe-eval'", "style-src 'self' 'unsafe-inline'"],
  ...["img-src 'self' data: blob:", "worker-src 'self' blob:", "connect-src 'self' blob: data:"],
  ...["object-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join("; ");

/** Cross-origin isolated: WebAssembly may use several threads. */
const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

const TEXT = `sdgan server

POST /v1/images/generations   images from a prompt, as in the OpenAI API
GET  /v1/models               the models
POST /api/generate            images with stages, attention and ignored words
GET  /api/runs                trainings
GET  /openapi.json            all of it, described
GET  /healthz /readyz /metrics
`;

const TYPES: Record<string, string> = {
  ...{ ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8" },
  ...{ ".mjs": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8" },
  ...{ ".json": "application/json; charset=utf-8", ".webmanifest": "application/manifest+json" },
  ...{ ".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".webp": "image/webp" },
  ...{ ".wasm": "application/wasm", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8" },
};

/** Address → file. */
function filesOf(folder: string): Map<string, string> {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => statSync(file).isFile());
  return new Map(found.map((file) => [`/${relative(folder, file).split(sep).join("/")}`, file]));
}
