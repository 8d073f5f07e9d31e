/** Which names the server answers to, and which pages may call it. */
import { isIP } from "node:net";

/** Whether an address is of this machine alone. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/**
 * Whether a `Host` header is one of this server's: an IP address, `localhost`, or one of `names`. Any other is of a page
 * whose own name was made to point here (DNS rebinding): its browser takes this server for the page's.
 */
export function isOwnHost(header: string | undefined, names: readonly string[]): boolean {
  const host = nameIn(header ?? "");
  if (host === undefined) return false;
  return isIP(host) !== 0 || host === "localhost" || names.some((name) => name.toLowerCase() === host);
}

/**
 * Whether a page of this `Origin` may call: one that came from this server, or one of `allowed`. Calls without this
 * header are not from pages.
 */
export function isOwnOrigin(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined || allowed.includes(origin)) return true;
  const match = /^https?:\/\/([^/]+)$/.exec(origin);
  return match !== null && match[1]!.toLowerCase() === host?.toLowerCase();
}

/** `[::1]:8080` → `::1`; undefined if it is not a host with or without a port. */
function nameIn(header: string): string | undefined {
  const match = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
