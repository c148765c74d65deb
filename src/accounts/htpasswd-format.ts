import { hash } from 'node:crypto'

/** Cost of bcrypt, as a power of two, above which a hash is refused: 14 takes seconds of a core, each more doubles it. */
export const MAX_BCRYPT_COST = 14
/** Lines looked at; Berth's own database is the place for more accounts. */
export const MAX_HTPASSWD_LINES = 10_000
/** Longest name, in bytes of UTF-8: Apache's own limit. */
export const MAX_HTPASSWD_NAME_BYTES = 255
/** Warnings kept; more of them tell nothing new. */
const MAX_WARNINGS = 20

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/
/** A bcrypt hash or the beginning of one. */
const BCRYPT_START = /^\$(?:$|2(?:$|[aby](?:$|\$)))/

/** An account of an htpasswd file. */
export interface HtpasswdAccount {
  readonly name: string
  /** A bcrypt hash; undefined if the line holds something that is not checked here, so that nobody can log in. */
  readonly bcryptHash: string | undefined
  /** Changes with the line. */
  readonly version: string
}

/** What an htpasswd file says. */
export interface HtpasswdContent {
  readonly accounts: ReadonlyMap<string, HtpasswdAccount>
  /** What is wrong with it, by line number; never a name or a hash. */
  readonly warnings: readonly string[]
  /** Highest cost of its bcrypt hashes; undefined without any. */
  readonly highestCost: number | undefined
  /** True if the last line looks as if it were still being written. */
  readonly isTorn: boolean
}

interface Line {
  readonly number: number
  readonly text: string
}

/**
 * Reads Apache's htpasswd format: `name:hash` lines, with anything after a further colon ignored; `#` lines and blank
 * ones are skipped; the first line of a name counts. Only bcrypt is known.
 */
export function parseHtpasswd(text: string): HtpasswdContent {
  const accounts = new Map<string, HtpasswdAccount>()
  const warnings: string[] = []
  const warn = (line: Line, what: string): void => {
    if (warnings.length < MAX_WARNINGS) warnings.push(`line ${line.number}: ${what}`)
  }
  let highestCost: number | undefined
  for (const line of linesOf(text)) {
    const account = parseLine(line, warn)
    if (!account) continue
    if (accounts.has(account.name)) warn(line, 'this name stands further up already; that line counts')
    else accounts.set(account.name, account)
    const cost = account.bcryptHash && costOf(account.bcryptHash)
    if (cost) highestCost = Math.max(cost, highestCost ?? 0)
  }
  return { accounts, warnings, highestCost, isTorn: hasTornEnd(text) }
}

function linesOf(text: string): Line[] {
  return text
    .replace(/^\uFEFF/, '')
    .split('\n', MAX_HTPASSWD_LINES)
    .map((line, index) => ({ number: index + 1, text: line.trimEnd() }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'))
}

function parseLine(line: Line, warn: (line: Line, what: string) => void): HtpasswdAccount | undefined {
  const [name, secret] = line.text.split(':', 2)
  if (!name || secret === undefined) {
    warn(line, 'no name and hash with a colon between them')
    return undefined
  }
  if (Buffer.byteLength(name) > MAX_HTPASSWD_NAME_BYTES) {
    warn(line, `the name is longer than ${MAX_HTPASSWD_NAME_BYTES} bytes`)
    return undefined
  }
  const problem = problemOf(secret)
  if (problem) warn(line, problem)
  return {
    name,
    bcryptHash: problem ? undefined : secret,
    version: `htpasswd.${hash('sha256', `${name}:${secret}`)}`,
  }
}

function problemOf(secret: string): string | undefined {
  const cost = costOf(secret)
  if (cost === undefined) {
    return BCRYPT_START.test(secret)
      ? 'the bcrypt hash is incomplete or malformed, so nobody can log in with it'
      : 'only bcrypt hashes are checked (htpasswd -B makes them), so nobody can log in with this one'
  }
  if (cost > MAX_BCRYPT_COST)
    return `the cost of this bcrypt hash is above ${MAX_BCRYPT_COST}, so it is not checked`
  return cost < 4 ? 'the cost of this bcrypt hash is below 4, which bcrypt does not know' : undefined
}

/** The cost a bcrypt hash names; undefined for any other text. */
function costOf(secret: string): number | undefined {
  const cost = BCRYPT.exec(secret)?.[1]
  return cost === undefined ? undefined : Number(cost)
}

/** A file that is being written ends somewhere in a line: before the colon, or in the hash. */
function hasTornEnd(text: string): boolean {
  const last = text.slice(text.lastIndexOf('\n') + 1).trimEnd()
  if (last === '' || last.startsWith('#')) return false
  const [, secret] = last.split(':', 2)
  return !secret || (BCRYPT_START.test(secret) && costOf(secret) === undefined)
}
