import { sha256 } from "@noble/hashes/sha2.js";

/**
 * SHA-256 in hexadecimal digits. Uses the engine's own, which pages have only in secure contexts (HTTPS, localhost), and
 * is several times as slow elsewhere.
 */
export async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const { subtle } = globalThis.crypto ?? {};
  const digest = subtle ? new Uint8Array(await subtle.digest("SHA-256", bytes)) : sha256(bytes);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
