import { hash } from 'node:crypto'
import { isAccountName, MAX_ACCOUNT_NAME_LENGTH } from '../../access/account-name.ts'
import { readHash, splitStrayN } from '../passwords/hash-forms.ts'

/** Most lines read, and accounts kept; more should be in Berth's own database. */
export const MAX_HTPASSWD_LINES = 10_000
/** Longest name, in bytes of UTF-8: Apache's own limit. */
export const MAX_HTPASSWD_NAME_BYTES = 255
/** Most warnings kept. */
const MAX_WARNINGS = 20

/** An account of an htpasswd file. */
export interface HtpasswdAccount {
  readonly name: string
  /** Undefined if the line holds an unsupported hash, so that it cannot log in. */
  readonly hash: string | undefined
  /** Rough cost of a check, in microseconds; 0 without a hash. */
  readonly costUs: number
  /** Changes with the line. */
  readonly version: string
}

/** The hash of a file that costs most to check. */
export interface CostliestHash {
  readonly hash: string
  readonly costUs: number
}

/** Content of an htpasswd file. */
export interface HtpasswdContent {
  readonly accounts: ReadonlyMap<string, HtpasswdAccount>
  /** Its faults, by line number; never a name or a hash. Those that lock accounts out come first. */
  readonly warnings: readonly string[]
  /** Undefined if it has no usable hash. */
  readonly costliest: CostliestHash | undefined
  /** True if the last line looks as if it were still being written. */
  readonly isTorn: boolean
}

/** Options for reading a password file. */
export interface HtpasswdReading {
  /** Allows forms that protect nothing: DES crypt and {PLAIN}. */
  readonly weakHashes?: boolean
  /** True if its names are accounts of the registry: one that can own no repository leads to a warning. */
  readonly hasOwners?: boolean
}

/** Result of a line: one account, or none, or several if the line breaks were lost. */
interface ReadLine {
  readonly accounts: readonly HtpasswdAccount[]
  readonly problems: readonly string[]
  readonly weaknesses: readonly string[]
  /** False if the line may go on: then it is only whole if a line break follows. */
  readonly isComplete: boolean
}

/**
 * Reads Apache's htpasswd format by nginx's rules: `name:hash` lines, the name up to the first colon, the hash up to
 * the next colon or the end of the line; the rest, `#` lines and blank ones are skipped; the first line of a name
 * counts.
 */
export function parseHtpasswd(text: string, options: HtpasswdReading = {}): HtpasswdContent {
  const { weakHashes = false, hasOwners = false } = options
  const accounts = new Map<string, HtpasswdAccount>()
  const problems: string[] = []
  const ownNothing: string[] = []
  const weaknesses: string[] = []
  let isTorn = false
  const lines = text.replace(/^\uFEFF/, '').split('\n', MAX_HTPASSWD_LINES)
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('#') || line.startsWith('\r') || line.trim() === '') continue
    const read = parseLine(line, weakHashes)
    const note = (list: string[], what: string): void => {
      if (list.length < MAX_WARNINGS) list.push(`line ${index + 1}: ${what}`)
    }
    for (const problem of read.problems) note(problems, problem)
    for (const weakness of read.weaknesses) note(weaknesses, weakness)
    for (const account of read.accounts) {
      if (hasOwners && !isAccountName(account.name)) note(ownNothing, OWNS_NOTHING)
      if (accounts.has(account.name)) note(problems, 'this name stands further up already; that line counts')
      else if (accounts.size < MAX_HTPASSWD_LINES) accounts.set(account.name, account)
    }
    isTorn = !read.isComplete && index === lines.length - 1
  }
  return {
    accounts,
    warnings: [...problems, ...ownNothing, ...weaknesses].slice(0, MAX_WARNINGS),
    costliest: findCostliest(accounts.values()),
    isTorn,
  }
}

const OWNS_NOTHING = `the user can log in and push nowhere, as the name can own no repository: only lower-case letters and digits, with single ".", "_" or "-" between them, ${MAX_ACCOUNT_NAME_LENGTH} at most, can`

/** The costliest of some hashes; undefined for none. */
export function findCostliest(
  hashes: Iterable<{ readonly hash: string | undefined; readonly costUs: number } | undefined>,
): CostliestHash | undefined {
  let costliest: CostliestHash | undefined
  for (const each of hashes) {
    if (each?.hash === undefined || each.costUs <= (costliest?.costUs ?? 0)) continue
    costliest = { hash: each.hash, costUs: each.costUs }
  }
  return costliest
}

function parseLine(line: string, weakHashes: boolean): ReadLine {
  const accounts: HtpasswdAccount[] = []
  const problems: string[] = []
  const weaknesses: string[] = []
  let isComplete = true
  let hasStrayN = false
  for (let position: number | undefined = 0; position !== undefined; ) {
    const entry = splitEntry(line, position)
    if (!entry) {
      problems.push('no name and hash with a colon between them')
      isComplete = false
      break
    }
    const { name, secret } = entry
    position = entry.next
    if (entry.hasStrayN && !hasStrayN) problems.push(STRAY_N_PROBLEM)
    hasStrayN ||= entry.hasStrayN
    const reading = readHash(secret, { weakHashes })
    isComplete = reading.state !== 'incomplete'
    if (Buffer.byteLength(name) > MAX_HTPASSWD_NAME_BYTES) {
      problems.push(`the name is longer than ${MAX_HTPASSWD_NAME_BYTES} bytes`)
      continue
    }
    if (reading.state !== 'usable') problems.push(reading.problem)
    else if (reading.weakness) weaknesses.push(reading.weakness)
    accounts.push(toHtpasswdAccount(entry, reading.state === 'usable' ? reading.costUs : undefined))
    if (accounts.length >= MAX_HTPASSWD_LINES) break
  }
  return { accounts, problems, weaknesses, isComplete }
}

interface Entry {
  readonly name: string
  readonly secret: string
  readonly hasStrayN: boolean
  /** Position of the next entry of this line: only a stray `n` has one after it. */
  readonly next: number | undefined
}

const STRAY_N_PROBLEM =
  'an "n" stands right behind a hash, as a shell writes it where the line break of `printf "…\\n"` was lost. It is ' +
  'read as the end of a line here, but with nginx none of them could log in: give each name a line of its own'

/** The account that begins at a position of a line; undefined if there is none. */
function splitEntry(line: string, position: number): Entry | undefined {
  const colon = line.indexOf(':', position)
  if (colon <= position) return undefined
  const name = line.slice(position, colon)
  const begin = colon + 1
  const secret = HASH_END.exec(line.slice(begin))?.[0] ?? ''
  const split = splitStrayN(secret)
  if (!split) {
    const isPlain = secret.startsWith('{PLAIN}')
    return { name, secret: isPlain ? secret : secret.trimEnd(), hasStrayN: false, next: undefined }
  }
  const next = split.rest === '' ? undefined : begin + secret.length - split.rest.length
  return { name, secret: split.hash, hasStrayN: true, next }
}

/** The hash: everything after it is a comment. */
const HASH_END = /^[^:\r]*/

function toHtpasswdAccount({ name, secret }: Entry, costUs: number | undefined): HtpasswdAccount {
  return {
    name,
    hash: costUs === undefined ? undefined : secret,
    costUs: costUs ?? 0,
    version: `htpasswd.${hash('sha256', `${name}:${secret}`)}`,
  }
}
