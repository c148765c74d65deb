import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryAuthenticator } from '../../../test/support/registry/memory-authenticator.ts'
import { AccountError, type Authenticator } from '../../accounts/accounts.ts'
import type { AccessClaims, TokenService } from '../../tokens/tokens.ts'
import { type Authenticated, authenticate } from './authenticate.ts'

/** Tokens with a readable text: `alice@1` is of that version of the account, `nobody` is an anonymous one. */
const TOKENS: TokenService = {
  service: 'test',
  issue: () => assert.fail('nothing is issued here'),
  publicKeys: () => assert.fail('no keys are needed here'),
  verify(token): AccessClaims | undefined {
    if (token === 'nobody') return { subject: undefined, scopes: [] }
    const [, subject, accountVersion] = /^(\w+)@(\d)$/.exec(token) ?? []
    return accountVersion === undefined ? undefined : { subject, scopes: ['catalog'], accountVersion }
  },
}

function setUp(): MemoryAuthenticator {
  const accounts = new MemoryAuthenticator()
  accounts.set({ name: 'alice', version: '1' }, 'pass:word')
  accounts.set({ name: 'carol', version: '1', isDisabled: true }, 'password')
  return accounts
}

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`
}

/** Header -> name of the principal, and what the credentials are. */
const HEADERS: readonly [
  header: string | undefined,
  name: string | undefined,
  Authenticated['credentials'],
][] = [
  [undefined, undefined, 'none'],
  ['', undefined, 'none'],
  [basic('alice:pass:word'), 'alice', 'accepted'],
  [basic('alice:pass:word').replace('Basic', 'bAsIc'), 'alice', 'accepted'],
  [basic('alice:pass'), undefined, 'bad-password'],
  [basic('bob:pass:word'), undefined, 'bad-password'],
  [basic('carol:password'), undefined, 'bad-password'],
  [basic('alice'), undefined, 'unreadable'],
  [basic(':password'), undefined, 'unreadable'],
  ['Basic ', undefined, 'unreadable'],
  ['Basic !', undefined, 'unreadable'],
  [`${basic('alice:pass:word')}, ${basic('bob:x')}`, undefined, 'unreadable'],
  ['Bearer alice@1', 'alice', 'accepted'],
  ['bearer alice@1', 'alice', 'accepted'],
  ['Bearer alice@2', undefined, 'bad-token'],
  ['Bearer bob@1', undefined, 'bad-token'],
  ['Bearer carol@1', undefined, 'bad-token'],
  ['Bearer forged', undefined, 'bad-token'],
  ['Bearer nobody', undefined, 'accepted'],
  ['Digest username="alice"', undefined, 'unreadable'],
  ['alice', undefined, 'unreadable'],
]

for (const [authorization, name, credentials] of HEADERS) {
  test(`\`authenticate()\` finds ${name ?? 'nobody'} (${credentials}) in ${authorization}`, async () => {
    const headers = authorization === undefined ? {} : { authorization }
    const found = await authenticate({ headers, remote: '192.0.2.1' }, { accounts: setUp(), tokens: TOKENS })
    assert.equal(found.principal.kind === 'user' ? found.principal.name : undefined, name)
    assert.deepEqual([found.account?.name, found.credentials], [name, credentials])
  })
}

test('`authenticate()` narrows a principal to what its token was issued for, and no other', async () => {
  const parts = { accounts: setUp(), tokens: TOKENS }
  const readScopes = async (authorization: string) => {
    const { principal } = await authenticate({ headers: { authorization }, remote: '' }, parts)
    return principal.kind === 'user' ? principal.scopes : 'none'
  }
  assert.deepEqual(await readScopes('Bearer alice@1'), ['catalog'])
  assert.equal(await readScopes(basic('alice:pass:word')), undefined)
})

test('`authenticate()` turns a log-in that has to wait into 429, and leaves other failures as they are', async () => {
  const failing = (error: Error): Authenticator => ({
    verifyPassword: () => Promise.reject(error),
    findEnabled: () => undefined,
  })
  const evidence = { headers: { authorization: basic('alice:x') }, remote: '' }
  const busy = failing(new AccountError('TOO_MANY_ATTEMPTS', 'busy', 7))
  await assert.rejects(async () => authenticate(evidence, { accounts: busy, tokens: TOKENS }), {
    code: 'TOOMANYREQUESTS',
    status: 429,
    retryAfterS: 7,
  })
  const bug = new TypeError('x is undefined')
  await assert.rejects(async () => authenticate(evidence, { accounts: failing(bug), tokens: TOKENS }), bug)
})
