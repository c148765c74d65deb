import { hash } from 'node:crypto'
import { encodeCryptBase64 } from './crypt-base64.ts'

/** Rounds of a hash that names none. */
export const DEFAULT_SHA_CRYPT_ROUNDS = 5_000
/** Bytes of the salt that are used. */
const MAX_SALT_BYTES = 16
/** Bounds of the specification; numbers beyond them are replaced by the bound. */
const MIN_ROUNDS = 1_000
const MAX_ROUNDS = 999_999_999

type Digest = 'sha256' | 'sha512'

/** Inputs of a SHA-crypt. */
interface ShaCryptOptions {
  readonly digest: Digest
  readonly salt: string
  /** As in the hash; undefined: the default, which is not written then. */
  readonly rounds: number | undefined
}

/** Inputs of each round beside the digest of the one before. */
interface Parts {
  readonly password: Buffer
  readonly salt: Buffer
}

/**
 * Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512". @returns the whole hash, such as `$5$rounds=1000$salt$…`.
 * Takes some microseconds for each round.
 */
export function shaCrypt(password: Buffer, options: ShaCryptOptions): string {
  const { digest } = options
  const salt = Buffer.from(options.salt, 'latin1').subarray(0, MAX_SALT_BYTES)
  const rounds = options.rounds && Math.min(Math.max(options.rounds, MIN_ROUNDS), MAX_ROUNDS)
  const first = firstDigest(digest, { password, salt })
  const parts = {
    password: spread(hash(digest, repeat(password, password.length), 'buffer'), password.length),
    salt: spread(hash(digest, repeat(salt, 16 + (first[0] ?? 0)), 'buffer'), salt.length),
  }
  const last = runRounds(digest, { first, parts, rounds: rounds ?? DEFAULT_SHA_CRYPT_ROUNDS })
  const named = rounds === undefined ? '' : `rounds=${rounds}$`
  return `${PREFIXES[digest]}${named}${salt.toString('latin1')}$${encodeCryptBase64(last, ORDERS[digest])}`
}

const PREFIXES = { sha256: '$5$', sha512: '$6$' } as const

/** Bytes of the digest in their order in the hash: each group is the one before, turned and moved by one. */
const ORDERS: Readonly<Record<Digest, readonly number[]>> = {
  sha256: [...groups([0, 10, 20], 10, ([a, b, c]) => [c + 1, a + 1, b + 1]), 31, 30],
  sha512: [...groups([0, 21, 42], 21, ([a, b, c]) => [b + 1, c + 1, a + 1]), 63],
}

type Group = readonly [number, number, number]

function groups(first: Group, count: number, next: (group: Group) => Group): number[] {
  const order: number[] = []
  for (let group = first, index = 0; index < count; index++, group = next(group)) order.push(...group)
  return order
}

function firstDigest(digest: Digest, { password, salt }: Parts): Buffer {
  const inner = hash(digest, Buffer.concat([password, salt, password]), 'buffer')
  const parts = [password, salt, spread(inner, password.length)]
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? inner : password)
  return hash(digest, Buffer.concat(parts), 'buffer')
}

function runRounds(digest: Digest, job: { first: Buffer; parts: Parts; rounds: number }): Buffer {
  const { first, parts, rounds } = job
  // The input of a round has one of eight shapes, in which only the digest of the round before changes.
  const shapes = Array.from({ length: 8 }, (_, shape) => makeShape(shape, parts, first.length))
  let last = first
  for (let round = 0; round < rounds; round++) {
    const shape = (round & 1) | (round % 3 !== 0 ? 2 : 0) | (round % 7 !== 0 ? 4 : 0)
    const { bytes, digestAt } = shapes[shape] as Shape
    bytes.set(last, digestAt)
    last = hash(digest, bytes, 'buffer')
  }
  return last
}

interface Shape {
  readonly bytes: Buffer
  readonly digestAt: number
}

function makeShape(shape: number, { password, salt }: Parts, digestBytes: number): Shape {
  const room = Buffer.alloc(digestBytes)
  const isOdd = (shape & 1) !== 0
  const middle = [...(shape & 2 ? [salt] : []), ...(shape & 4 ? [password] : [])]
  const bytes = Buffer.concat(isOdd ? [password, ...middle, room] : [room, ...middle, password])
  return { bytes, digestAt: isOdd ? bytes.length - digestBytes : 0 }
}

function repeat(bytes: Buffer, times: number): Buffer {
  return Buffer.alloc(bytes.length * times, bytes)
}

/** The digest repeated up to that length. */
function spread(digest: Buffer, length: number): Buffer {
  return Buffer.alloc(length, digest)
}
