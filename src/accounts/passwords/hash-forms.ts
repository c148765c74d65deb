import { isBearablePasswordHash } from './password-hash.ts'
import { DEFAULT_SHA_CRYPT_ROUNDS } from './sha-crypt.ts'

/** Highest accepted cost of bcrypt, as a power of two: 14 takes a second or two, each more doubles it. */
const MAX_BCRYPT_COST = 14
/** Highest accepted rounds of SHA-crypt: so many take a second or two of a core. */
const MAX_SHA_CRYPT_ROUNDS = 1_000_000
/** Longest base64 of an {SSHA}: SHA-1 and 64 bytes of salt. */
const MAX_SSHA_CHARACTERS = 112
const SHA1_BYTES = 20

/** Microseconds, roughly and on one machine: only their ratio counts. */
const BCRYPT_UNIT_US = 50
const SHA_CRYPT_ROUND_US = 1.2
const MD5_CRYPT_US = 1_000
const DES_CRYPT_US = 500
const DIGEST_US = 1
const ARGON2_KIB_US = 0.6

/** Kinds of hashes that can be checked. */
type HashKind =
  | 'bcrypt'
  | 'argon2id'
  | 'sha512-crypt'
  | 'sha256-crypt'
  | 'apr1'
  | 'md5-crypt'
  | 'ssha'
  | 'sha'
  | 'plain'
  | 'des'

/**
 * Verdict on a text in the place of a hash.
 * - `usable`: of a known form, at an acceptable cost; `weakness` is a reason to replace it all the same.
 * - `refused`: no password is accepted for it.
 * - `incomplete`: as `refused`, but it may be a hash that is still being written.
 */
type HashReading =
  | {
      readonly state: 'usable'
      readonly kind: HashKind
      readonly costUs: number
      readonly weakness: string | undefined
    }
  | { readonly state: 'refused' | 'incomplete'; readonly problem: string }

interface HashForm {
  readonly kind: HashKind
  readonly pattern: RegExp
  /** Roughly, in microseconds; a text is the reason of a refusal. `detail` is the first group of the pattern. */
  readonly cost: (detail: string, secret: string) => number | string
  readonly weakness?: string
  /** True if it is checked only where weak forms are allowed. */
  readonly needsSwitch?: true
}

const CHARACTER = '[./A-Za-z0-9]'
const SALT = '[!-#%-9;-~]'

/** Forms of a fixed length, which end by themselves: further text is not part of them. */
const FIXED_FORMS = {
  bcrypt: `\\$2[aby]\\$(\\d\\d)\\$${CHARACTER}{53}`,
  'sha512-crypt': `\\$6\\$(?:rounds=([1-9]\\d{3,8})\\$|(?!rounds=))${SALT}{0,16}\\$${CHARACTER}{86}`,
  'sha256-crypt': `\\$5\\$(?:rounds=([1-9]\\d{3,8})\\$|(?!rounds=))${SALT}{0,16}\\$${CHARACTER}{43}`,
  apr1: `\\$apr1\\$${SALT}{0,8}\\$${CHARACTER}{22}`,
  'md5-crypt': `\\$1\\$${SALT}{0,8}\\$${CHARACTER}{22}`,
  sha: '\\{SHA\\}[A-Za-z0-9+/]{27}=',
  des: `${CHARACTER}{13}`,
} as const

const FORMS: readonly HashForm[] = [
  { kind: 'bcrypt', pattern: whole('bcrypt'), cost: bcryptCost },
  { kind: 'sha512-crypt', pattern: whole('sha512-crypt'), cost: shaCryptCost },
  { kind: 'sha256-crypt', pattern: whole('sha256-crypt'), cost: shaCryptCost },
  { kind: 'apr1', pattern: whole('apr1'), cost: () => MD5_CRYPT_US },
  {
    kind: 'md5-crypt',
    pattern: whole('md5-crypt'),
    cost: () => MD5_CRYPT_US,
    weakness: 'MD5 crypt ($1$) is quickly guessed nowadays',
  },
  { kind: 'argon2id', pattern: /^\$argon2id\$v=19\$m=(\d{1,7},t=\d{1,3}),p=\d{1,2}\$.+$/, cost: argon2Cost },
  { kind: 'ssha', pattern: /^\{SSHA\}([A-Za-z0-9+/]{28,}={0,2})$/, cost: sshaCost },
  {
    kind: 'sha',
    pattern: whole('sha'),
    cost: () => DIGEST_US,
    weakness: 'SHA-1 without a salt ({SHA}) is guessed by looking it up',
  },
  {
    kind: 'plain',
    pattern: /^\{PLAIN\}.+$/,
    cost: () => DIGEST_US,
    weakness: 'the password stands here in clear text ({PLAIN})',
    needsSwitch: true,
  },
  {
    kind: 'des',
    pattern: whole('des'),
    cost: () => DES_CRYPT_US,
    weakness: 'DES crypt looks at eight characters of a password, and is guessed in hours',
    needsSwitch: true,
  },
]

/** Forms without a fixed length, whose beginning looks like a whole one. */
const OPEN_ENDED: ReadonlySet<HashKind> = new Set(['ssha', 'argon2id'])

/** Forms that are known by name, and not supported. */
const REFUSED_FORMS: readonly (readonly [start: RegExp, name: string])[] = [
  [/^\$g?y\$/, 'yescrypt'],
  [/^\$7\$/, 'scrypt ($7$)'],
  [/^\$argon2(?:i|d)\$/, 'argon2 other than argon2id'],
  [/^\$2x?\$/, 'bcrypt of an early kind with a known fault ($2$, $2x$)'],
  [/^\$(?:3|md5|sha1)[$,]/, 'a rare form of crypt'],
  [/^_[./A-Za-z0-9]{19}$/, 'extended DES crypt'],
  [/^\{(?!SHA\}|SSHA\}|PLAIN\})[A-Za-z0-9.-]+\}/, 'a form of LDAP servers'],
]

const REMEDY = 'it is never accepted: make it anew with `htpasswd -B -C 10`'
const MARK = /^[${]/
const DES_START = /^[./A-Za-z0-9]{0,12}$/

/** Reads the form of a hash. `weakHashes` allows those that protect nothing: DES crypt and {PLAIN}. */
export function readHash(secret: string, { weakHashes }: { weakHashes: boolean }): HashReading {
  for (const form of FORMS) {
    const match = form.pattern.exec(secret)
    if (match) return readForm(form, { secret, detail: match[1] ?? '', weakHashes })
  }
  const refused = REFUSED_FORMS.find(([start]) => start.test(secret))
  if (refused) return { state: 'refused', problem: `${refused[1]} is not checked here, so ${REMEDY}` }
  if (secret === '') return { state: 'incomplete', problem: `there is no hash, so ${REMEDY}` }
  if (MARK.test(secret)) {
    return { state: 'incomplete', problem: `the hash is incomplete or malformed, so ${REMEDY}` }
  }
  return {
    state: DES_START.test(secret) ? 'incomplete' : 'refused',
    problem: `this is no hash of a known form, so ${REMEDY}`,
  }
}

/** The kind of a hash that {@link readHash} found usable; undefined for any other text. */
export function findHashKind(secret: string): HashKind | undefined {
  return FORMS.find((form) => form.pattern.test(secret))?.kind
}

/**
 * Splits off the text that `printf "…n"` or `echo "…\n"` writes in place of a line break after a hash: an `n`, or `\n`.
 * Only for hashes that end by themselves.
 */
export function splitStrayN(secret: string): { hash: string; rest: string } | undefined {
  const match = STRAY_N.exec(secret)
  return match?.groups ? { hash: match.groups.hash ?? '', rest: match.groups.rest ?? '' } : undefined
}

const STRAY_N = new RegExp(`^(?<hash>${Object.values(FIXED_FORMS).join('|')})\\\\?n(?<rest>.*)$`)

function whole(kind: keyof typeof FIXED_FORMS): RegExp {
  return new RegExp(`^${FIXED_FORMS[kind]}$`)
}

function readForm(
  form: HashForm,
  { secret, detail, weakHashes }: { secret: string; detail: string; weakHashes: boolean },
): HashReading {
  const cost = form.cost(detail, secret)
  if (typeof cost === 'string') {
    return { state: OPEN_ENDED.has(form.kind) ? 'incomplete' : 'refused', problem: `${cost}, so ${REMEDY}` }
  }
  if (form.needsSwitch && !weakHashes) {
    return {
      state: 'refused',
      problem: `${form.weakness}, and weak forms are not allowed (weak-hashes allows them), so ${REMEDY}`,
    }
  }
  return { state: 'usable', kind: form.kind, costUs: cost, weakness: form.weakness }
}

function bcryptCost(detail: string): number | string {
  const cost = Number(detail)
  if (cost > MAX_BCRYPT_COST) return `the cost of this bcrypt hash is above ${MAX_BCRYPT_COST}`
  return cost < 4
    ? 'the cost of this bcrypt hash is below 4, which bcrypt does not know'
    : 2 ** cost * BCRYPT_UNIT_US
}

function shaCryptCost(detail: string): number | string {
  const rounds = detail === '' ? DEFAULT_SHA_CRYPT_ROUNDS : Number(detail)
  return rounds > MAX_SHA_CRYPT_ROUNDS
    ? `this hash names more than ${MAX_SHA_CRYPT_ROUNDS} rounds`
    : rounds * SHA_CRYPT_ROUND_US
}

function argon2Cost(detail: string, secret: string): number | string {
  if (!isBearablePasswordHash(secret)) return 'this argon2id hash is malformed, or costs too much'
  const [memoryKib = 0, passes = 0] = detail.split(',t=').map(Number)
  return memoryKib * passes * ARGON2_KIB_US
}

function sshaCost(detail: string): number | string {
  const bytes = Buffer.from(detail, 'base64')
  const isWhole = bytes.length > SHA1_BYTES && bytes.toString('base64') === detail
  return isWhole && detail.length <= MAX_SSHA_CHARACTERS
    ? DIGEST_US
    : 'the {SSHA} hash is incomplete or malformed'
}
