/**
 * Keeps what the page has read, so that it opens and generates without a connection. Files in assets/ have their
 * content's hash in their names and are never read twice; everything else is read anew while there is a connection.
 */
const CACHE = "sdgan-studio-1";
const root = new URL("./", self.location.href);

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || !url.href.startsWith(root.href)) return;
  const path = url.href.slice(root.href.length);
  // The server's answers are not files.
  if (/^(api|v1|healthz|readyz|metrics|openapi)\b/.test(path)) return;
  event.respondWith(path.startsWith("assets/") ? keptFirst(event.request) : newestFirst(event.request));
});

async function keptFirst(request) {
  const kept = await caches.match(request);
  return kept ?? readAndKeep(request);
}

async function newestFirst(request) {
  try {
    return await readAndKeep(request);
  } catch (error) {
    const kept = await caches.match(request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}

async function readAndKeep(request) {
  const response = await fetch(request);
  if (response.ok) {
    const cache = await caches.open(CACHE);
    // A full storage keeps nothing more, and the page works.
    await cache.put(request, response.clone()).catch(() => {});
  }
  return response;
}
