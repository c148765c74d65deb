import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const runArgon2 = promisify(argon2)

/** Cost of argon2id: KiB of memory, passes over it, lanes. */
export interface PasswordCost {
  readonly memoryKib: number
  readonly passes: number
  readonly parallelism: number
}

interface ParsedHash extends PasswordCost {
  readonly salt: Buffer
  readonly tag: Buffer
}

/**
 * Cost of new hashes: OWASP's Password Storage Cheat Sheet, the setting that suits a machine with one core and 512 MB.
 */
export const PASSWORD_COST: PasswordCost = { memoryKib: 19_456, passes: 2, parallelism: 1 }
/** Highest cost of a stored hash that is accepted: a forged row must not stop a small machine. */
const MAX_COST: PasswordCost = { memoryKib: 65_536, passes: 10, parallelism: 4 }
const SALT_BYTES = 16
const TAG_BYTES = 32
const MIN_SALT_BYTES = 8
const MIN_TAG_BYTES = 16
const MAX_PART_BYTES = 64

/** PHC string format; its base64 has no padding. The lengths bound the decoded parts. */
const PHC =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,6}),t=([1-9]\d{0,2}),p=([1-9]\d?)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/

/** Hashes a password with argon2id and a fresh salt into a PHC string. Takes tens of milliseconds and 19 MiB. */
export async function hashPassword(password: string, cost: PasswordCost = PASSWORD_COST): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const tag = await derive(password, { ...cost, salt, tagBytes: TAG_BYTES })
  const { memoryKib, passes, parallelism } = cost
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${parallelism}$${encode(salt)}$${encode(tag)}`
}

/**
 * True if the password is the hashed one, at the cost in the hash, compared in constant time. A text that is no such
 * hash, or costs more than {@link MAX_COST}, matches nothing and takes as long as one of `cost`.
 */
export async function verifyPasswordHash(
  password: string,
  phc: string,
  cost: PasswordCost = PASSWORD_COST,
): Promise<boolean> {
  const parsed = parsePhc(phc)
  if (!parsed) {
    await spendPasswordCheck(password, cost)
    return false
  }
  const tag = await derive(password, { ...parsed, tagBytes: parsed.tag.length })
  return timingSafeEqual(tag, parsed.tag)
}

/** True for an argon2id hash that {@link verifyPasswordHash} checks: well-formed, and at most at {@link MAX_COST}. */
export function isBearablePasswordHash(phc: string): boolean {
  return parsePhc(phc) !== undefined
}

/** Spends the cost of a password check, for a name that does not exist: its reply must not come sooner. */
export async function spendPasswordCheck(
  password: string,
  cost: PasswordCost = PASSWORD_COST,
): Promise<void> {
  await derive(password, { ...cost, salt: Buffer.alloc(SALT_BYTES), tagBytes: TAG_BYTES })
}

function derive(
  password: string,
  options: PasswordCost & { salt: Buffer; tagBytes: number },
): Promise<Buffer> {
  return runArgon2('argon2id', {
    message: Buffer.from(password),
    nonce: options.salt,
    parallelism: options.parallelism,
    tagLength: options.tagBytes,
    memory: options.memoryKib,
    passes: options.passes,
  })
}

function parsePhc(phc: string): ParsedHash | undefined {
  const [, memory, passes, parallelism, salt, tag] = PHC.exec(phc) ?? []
  if (salt === undefined || tag === undefined) return undefined
  const parsed = {
    memoryKib: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
  return isBearable(parsed) ? parsed : undefined
}

function isBearable({ memoryKib, passes, parallelism, salt, tag }: ParsedHash): boolean {
  return (
    memoryKib <= MAX_COST.memoryKib &&
    // RFC 9106 3.1: at least 8 blocks a lane.
    memoryKib >= 8 * parallelism &&
    passes <= MAX_COST.passes &&
    parallelism <= MAX_COST.parallelism &&
    salt.length >= MIN_SALT_BYTES &&
    salt.length <= MAX_PART_BYTES &&
    tag.length >= MIN_TAG_BYTES &&
    tag.length <= MAX_PART_BYTES
  )
}

function encode(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
