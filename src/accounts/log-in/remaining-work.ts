import type { CostliestHash } from '../htpasswd/htpasswd-format.ts'
import { findHashKind } from '../passwords/hash-forms.ts'
import { DEFAULT_SHA_CRYPT_ROUNDS } from '../passwords/sha-crypt.ts'

/** Share of the whole below which a difference in time does not show. */
const PRECISION = 1 / 16
const MIN_BCRYPT_COST = 4
/** Fewest rounds that SHA-crypt knows. */
const MIN_ROUNDS = 1_000

/**
 * Hashes whose checks together cost the rest of the costliest one's after some work was done: a name with a cheap hash,
 * or none, must not fail sooner than others. The results of these checks are ignored.
 */
export function remainingWork(costliest: CostliestHash, doneUs: number): string[] {
  const { hash, costUs } = costliest
  const leftUs = costUs - doneUs
  if (leftUs < costUs * PRECISION) return []
  switch (findHashKind(hash)) {
    case 'bcrypt':
      return bcryptWork(hash, leftUs / costUs)
    case 'sha256-crypt':
    case 'sha512-crypt':
      return [shaCryptWork(hash, leftUs / costUs)]
    default:
      // Their cost cannot be tuned: all or nothing.
      return leftUs >= costUs / 2 ? [hash] : []
  }
}

/** A share is a sum of halves, and each cost of bcrypt is half of the next. */
function bcryptWork(hash: string, share: number): string[] {
  const highest = Number(hash.slice(4, 6))
  const work: string[] = []
  let left = share + PRECISION / 2
  for (let cost = highest, part = 1; cost >= MIN_BCRYPT_COST && part >= PRECISION; cost--, part /= 2) {
    if (left < part) continue
    work.push(`${hash.slice(0, 4)}${String(cost).padStart(2, '0')}${hash.slice(6)}`)
    left -= part
  }
  return work
}

function shaCryptWork(hash: string, share: number): string {
  const [, prefix = '', setting, ...rest] = hash.split('$')
  const named = setting?.startsWith('rounds=') && rest.length > 1 ? Number(setting.slice(7)) : undefined
  const rounds = Math.max(MIN_ROUNDS, Math.round((named ?? DEFAULT_SHA_CRYPT_ROUNDS) * share))
  const saltAndDigest = named === undefined ? [setting, ...rest] : rest
  return `$${prefix}$rounds=${rounds}$${saltAndDigest.join('$')}`
}
