import { hash, timingSafeEqual } from 'node:crypto'

const SHA = '{SHA}'
const SSHA = '{SSHA}'
const PLAIN = '{PLAIN}'
const SHA1_BYTES = 20

/** True if the password matches a hash of the forms that cost nothing: {SHA}, {SSHA} and {PLAIN}; false for others. */
export function matchesDigestHash(password: string, secret: string): boolean {
  const bytes = Buffer.from(password)
  if (secret.startsWith(SHA)) return isSame(sha1(bytes), decode(secret, SHA))
  if (secret.startsWith(SSHA)) {
    const decoded = decode(secret, SSHA)
    const salt = decoded.subarray(SHA1_BYTES)
    return isSame(sha1(Buffer.concat([bytes, salt])), decoded.subarray(0, SHA1_BYTES))
  }
  // Compared as digests, so that the length does not leak either.
  return secret.startsWith(PLAIN) && isSame(sha512(bytes), sha512(Buffer.from(secret.slice(PLAIN.length))))
}

function decode(secret: string, prefix: string): Buffer {
  return Buffer.from(secret.slice(prefix.length), 'base64')
}

function sha1(bytes: Buffer): Buffer {
  return hash('sha1', bytes, 'buffer')
}

function sha512(bytes: Buffer): Buffer {
  return hash('sha512', bytes, 'buffer')
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
