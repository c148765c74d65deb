import { timingSafeEqual } from 'node:crypto'
import { compareSync } from 'bcryptjs'
import { findHashKind } from './hash-forms.ts'
import { md5Crypt } from './md5-crypt.ts'
import { shaCrypt } from './sha-crypt.ts'

/**
 * True if the password matches the hash, which is of one of the forms of crypt(3). Blocks the thread for the duration
 * that the hash demands. Errors: a hash of another form.
 */
export async function matchesCryptHash(password: string, hash: string): Promise<boolean> {
  // `htpasswd` and crypt(3) end at a zero, so no hash can be of a password with one; the work is done all the same.
  const matches = await matchesBytes(password, hash)
  return matches && !password.includes('\0')
}

async function matchesBytes(password: string, hash: string): Promise<boolean> {
  const bytes = Buffer.from(password)
  const [, , second = '', third = ''] = hash.split('$')
  switch (findHashKind(hash)) {
    case 'bcrypt':
      return compareSync(password, hash)
    case 'apr1':
      return isSame(md5Crypt(bytes, { prefix: '$apr1$', salt: second }), hash)
    case 'md5-crypt':
      return isSame(md5Crypt(bytes, { prefix: '$1$', salt: second }), hash)
    case 'sha256-crypt':
      return isSame(shaCrypt(bytes, { digest: 'sha256', ...parseSetting(second, third) }), hash)
    case 'sha512-crypt':
      return isSame(shaCrypt(bytes, { digest: 'sha512', ...parseSetting(second, third) }), hash)
    case 'des':
      return isSame(await desCrypt(bytes, hash.slice(0, 2)), hash)
    default:
      throw new Error('This hash is of no form of crypt')
  }
}

/** The salt of a SHA-crypt, which may itself begin like the rounds before it. */
function parseSetting(second: string, third: string): { salt: string; rounds: number | undefined } {
  const rounds = /^rounds=(\d+)$/.exec(second)?.[1]
  return rounds === undefined ? { salt: second, rounds: undefined } : { salt: third, rounds: Number(rounds) }
}

/** Loaded only for a file with such a hash, if they are allowed. */
async function desCrypt(password: Buffer, salt: string): Promise<string> {
  const { default: unixCrypt } = await import('unix-crypt-td-js')
  return unixCrypt([...password.subarray(0, 8)], salt)
}

function isSame(computed: string, hash: string): boolean {
  const [a, b] = [Buffer.from(computed), Buffer.from(hash)]
  return a.length === b.length && timingSafeEqual(a, b)
}
