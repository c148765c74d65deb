import { hash } from 'node:crypto'
import { encodeCryptBase64 } from './crypt-base64.ts'

/** Bytes of the salt that are used. */
const MAX_SALT_BYTES = 8
const ROUNDS = 1_000
/** Bytes of the digest in their order in the hash. */
const ORDER = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5, 11]

/**
 * FreeBSD's crypt(3) based on MD5, and Apache's, which differs in the prefix alone. @returns the whole hash, such as
 * `$1$salt$…`.
 */
export function md5Crypt(password: Buffer, options: { prefix: '$1$' | '$apr1$'; salt: string }): string {
  const { prefix } = options
  const salt = Buffer.from(options.salt, 'latin1').subarray(0, MAX_SALT_BYTES)
  let digest = firstDigest(password, prefix, salt)
  for (let round = 0; round < ROUNDS; round++) {
    const isOdd = (round & 1) === 1
    const parts = [isOdd ? password : digest]
    if (round % 3 !== 0) parts.push(salt)
    if (round % 7 !== 0) parts.push(password)
    parts.push(isOdd ? digest : password)
    digest = md5(parts)
  }
  return `${prefix}${salt.toString('latin1')}$${encodeCryptBase64(digest, ORDER)}`
}

function firstDigest(password: Buffer, prefix: string, salt: Buffer): Buffer {
  const inner = md5([password, salt, password])
  const parts = [password, Buffer.from(prefix), salt]
  for (let left = password.length; left > 0; left -= inner.length) parts.push(inner.subarray(0, left))
  // An oddity of the original that all have kept: a zero for each bit that is set, else the first byte.
  for (let bits = password.length; bits > 0; bits >>= 1) {
    parts.push(bits & 1 ? Buffer.alloc(1) : password.subarray(0, 1))
  }
  return md5(parts)
}

function md5(parts: readonly Buffer[]): Buffer {
  return hash('md5', Buffer.concat(parts), 'buffer')
}
