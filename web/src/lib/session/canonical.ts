/** RFC 8785 canonical JSON: the one spelling of a value that is hashed and signed. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export function canonical(value: Json): string {
  if (typeof value === 'string') {
    // §3.2.2.2: a lone surrogate has no UTF-8 form, so two parties could not agree on bytes.
    if (/\p{Surrogate}/u.test(value)) throw new TypeError('text with half a surrogate pair');
    return JSON.stringify(value);
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('JSON has no such number');
    return JSON.stringify(value);
  }
  if (value === null || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  // §3.2.3: by UTF-16 code units, which is how JavaScript compares strings.
  const members = Object.keys(value)
    .sort()
    .map((key) => `${canonical(key)}:${canonical(value[key] as Json)}`);
  return `{${members.join(',')}}`;
}

export const canonicalBytes = (value: Json): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(canonical(value));

const hex = (bytes: ArrayBuffer) =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** SHA-256, 64 lower-case hex digits. */
export const sha256 = async (bytes: BufferSource): Promise<string> =>
  hex(await crypto.subtle.digest('SHA-256', bytes));

export const statementHash = (value: Json): Promise<string> => sha256(canonicalBytes(value));

/** Unpadded base64url. */
export function base64url(bytes: ArrayBuffer): string {
  const text = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** The bytes of unpadded base64url. Throws for anything else. */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[\w-]*$/.test(text)) throw new TypeError('not base64url');
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(plain, (char) => char.charCodeAt(0));
}
