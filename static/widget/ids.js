/**
 * A random UUID. `crypto.randomUUID` is missing where the page came over plain http.
 * @returns {string}
 */
export function uuid() {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * A short hash (FNV-1a) that tells names apart. Not a secret: it only keeps storage keys separate.
 * @param {string} text
 * @returns {string}
 */
export function shortHash(text) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return (hash >>> 0).toString(36);
}

/**
 * The `sub` of a signed identity (a JSON Web Token), read without checking it: it only chooses a
 * storage key. The server checks the signature.
 * @param {string} token
 * @returns {string}
 */
export function subjectOf(token) {
  try {
    const payload = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    return String(JSON.parse(atob(payload)).sub ?? token);
  } catch {
    return token;
  }
}

/**
 * How many Unicode code points a text has: what the protocol counts, as Python's `len` does.
 * @param {string} text
 * @returns {number}
 */
export function codePoints(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
