/** Compares versions by their first two numbers. */

/**
 * Whether a version such as "1.13.1+dfsg-4" comes before one such as "1.13"; the first two numbers count.
 *
 * @param {string} version
 * @param {string} oldest
 */
export function isOlder(version, oldest) {
  const [major = 0, minor = 0] = version.split(".").map(Number.parseFloat);
  const [oldestMajor = 0, oldestMinor = 0] = oldest.split(".").map(Number.parseFloat);
  return major !== oldestMajor ? major < oldestMajor : minor < oldestMinor;
}
