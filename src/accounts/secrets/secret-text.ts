import { hash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** Kinds of secrets that stand in for a password: a person's token, and a robot's. */
export type SecretKind = 'pat' | 'robot'

/** Base 62: no character needs quotes in a shell, a URL or YAML, and a double click selects the whole. */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 178 random bits: too many to guess, so that a fast hash protects them. */
const RANDOM_LENGTH = 30
/** CRC-32 in base 62. */
const CHECKSUM_LENGTH = 6

/** Begins every secret: scanners for leaked secrets find it, and people see what it is. */
const BEGIN = 'berth_'
const SECRET = new RegExp(`^berth_(pat|robot)_[0-9A-Za-z]{${RANDOM_LENGTH + CHECKSUM_LENGTH}}$`)

/** A new secret: prefix, random characters and their checksum. */
export function createSecret(kind: SecretKind): string {
  const random = Array.from({ length: RANDOM_LENGTH }, () => DIGITS.charAt(randomInt(DIGITS.length)))
  const text = `${BEGIN}${kind}_${random.join('')}`
  return text + checksumOf(text)
}

/** The kind of a secret whose checksum is right; `faulty` for one that begins like a secret; undefined for other texts. */
export function findSecretKind(text: string): SecretKind | 'faulty' | undefined {
  if (!text.startsWith(`${BEGIN}pat_`) && !text.startsWith(`${BEGIN}robot_`)) return undefined
  const kind = SECRET.exec(text)?.[1]
  const isWhole = text.slice(-CHECKSUM_LENGTH) === checksumOf(text.slice(0, -CHECKSUM_LENGTH))
  if (!isWhole) return 'faulty'
  return kind === 'pat' || kind === 'robot' ? kind : 'faulty'
}

/** The form in which secrets are stored, hex. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret)
}

function checksumOf(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (let index = 0; index < CHECKSUM_LENGTH; index++) {
    digits = DIGITS.charAt(rest % DIGITS.length) + digits
    rest = Math.floor(rest / DIGITS.length)
  }
  return digits
}
