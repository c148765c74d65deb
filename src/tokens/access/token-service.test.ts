import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { exportJWK, generateKeyPair, importJWK, type JWTPayload, SignJWT } from 'jose'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { LIFETIME_S, NOW, openTokenRoom } from '../../../test/support/registry/token-room.ts'
import type { AccessClaims } from '../tokens.ts'
import { MAX_TOKEN_LENGTH } from './token-service.ts'

const test = testOnEngines()

const LEEWAY_S = 60
const CLAIMS: AccessClaims = {
  subject: 'alice',
  scopes: [{ repository: 'alice/app', actions: ['pull', 'push'] }],
}

type SetUp = Awaited<ReturnType<typeof openTokenRoom>>

async function readKey(t: SetUp) {
  const row = await t.database.read.selectFrom('token_keys').selectAll().executeTakeFirstOrThrow()
  return { kid: row.kid, privateKey: await importJWK(JSON.parse(row.private_jwk), 'ES256') }
}

function makePayload(t: SetUp): JWTPayload {
  const nowS = NOW / 1_000
  return {
    iss: t.tokens.service,
    sub: 'alice',
    aud: t.tokens.service,
    exp: nowS + LIFETIME_S,
    nbf: nowS,
    iat: nowS,
    jti: 'x',
    access: [{ type: 'repository', name: 'alice/app', actions: ['pull'] }],
  }
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const decode = (part: string | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString())

test('`issue()` writes the header and the claims that clients and other tools know', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  const issued = await t.tokens.issue(CLAIMS)
  assert.equal(issued.expiresInS, LIFETIME_S)
  assert.equal(issued.issuedAt.getTime(), NOW)
  const [header, payload] = issued.token.split('.', 2).map(decode)
  const { kid } = await readKey(t)
  assert.deepEqual(header, { alg: 'ES256', kid, typ: 'JWT' })
  assert.equal(typeof payload?.jti, 'string')
  assert.match(t.tokens.service, /^berth-[0-9a-f]{32}$/)
  assert.deepEqual(
    { ...payload, jti: 'x' },
    {
      ...makePayload(t),
      access: [{ type: 'repository', name: 'alice/app', actions: ['pull', 'push'] }],
    },
  )
})

test('`verify()` gives back what was issued, at once when it is called again', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  const { token } = await t.tokens.issue(CLAIMS)
  const first = t.tokens.verify(token)
  assert.ok(first instanceof Promise)
  assert.deepEqual(await first, CLAIMS)
  assert.deepEqual(t.tokens.verify(token), CLAIMS)
})

test('`verify()` knows an anonymous token', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  const { token } = await t.tokens.issue({ subject: undefined, scopes: [] })
  assert.equal(decode(token.split('.')[1]).sub, '')
  assert.deepEqual(await t.tokens.verify(token), { subject: undefined, scopes: [] })
})

test('`verify()` ends a token when it expires, remembered or not', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  const { token } = await t.tokens.issue(CLAIMS)
  await t.tokens.verify(token)
  t.clock.now += LIFETIME_S * 1_000 - 1
  assert.deepEqual(t.tokens.verify(token), CLAIMS)
  t.clock.now = NOW + (LIFETIME_S + LEEWAY_S) * 1_000
  assert.equal(await t.tokens.verify(token), undefined)
  assert.equal(await (await t.open(t.database)).verify(token), undefined)
})

test('`verify()` takes no token of a clock that was put back since, remembered or not', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  t.clock.now = NOW + 24 * 3_600_000
  const { token } = await t.tokens.issue(CLAIMS)
  assert.deepEqual(await t.tokens.verify(token), CLAIMS)
  t.clock.now = NOW
  assert.equal(await t.tokens.verify(token), undefined)
})

test('`verify()` allows for clocks that differ by less than a minute', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  const { token } = await t.tokens.issue(CLAIMS)
  t.clock.now = NOW - (LEEWAY_S - 1) * 1_000
  assert.deepEqual(await (await t.open(t.database)).verify(token), CLAIMS)
  t.clock.now = NOW - (LEEWAY_S + 1) * 1_000
  assert.equal(await (await t.open(t.database)).verify(token), undefined)
})

const FORGED_PAYLOADS: readonly (readonly [what: string, change: (payload: JWTPayload) => JWTPayload])[] = [
  ['of another issuer', (payload) => ({ ...payload, iss: 'https://evil.example' })],
  ['for another audience', (payload) => ({ ...payload, aud: 'berth-other' })],
  ['for several audiences', (payload) => ({ ...payload, aud: [String(payload.aud), 'berth-other'] })],
  ['that has expired', (payload) => ({ ...payload, exp: NOW / 1_000 - LEEWAY_S - 1 })],
  ['that is not in force yet', (payload) => ({ ...payload, nbf: NOW / 1_000 + LEEWAY_S + 1 })],
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'access'].map(
    (claim) => [`without ${claim}`, (payload: JWTPayload) => ({ ...payload, [claim]: undefined })] as const,
  ),
  ['with a number as subject', (payload) => ({ ...payload, sub: 1 as unknown as string })],
  ['with an object as access', (payload) => ({ ...payload, access: {} })],
  ['with a text as access', (payload) => ({ ...payload, access: ['repository:alice/app:pull'] })],
  [
    'with half of the right to mount',
    (payload) => ({ ...payload, access: [{ type: 'registry', name: 'blobs', actions: ['*'] }] }),
  ],
  [
    'with half of the catalog',
    (payload) => ({ ...payload, access: [{ type: 'registry', name: 'catalog', actions: [] }] }),
  ],
  [
    'with another type of access',
    (payload) => ({ ...payload, access: [{ type: 'registry', name: 'c', actions: [] }] }),
  ],
  [
    'with an unknown action',
    (payload) => ({ ...payload, access: [{ type: 'repository', name: 'a', actions: ['*'] }] }),
  ],
]

for (const [what, change] of FORGED_PAYLOADS) {
  test(`\`verify()\` refuses a well-signed token ${what}`, async (openDatabase) => {
    await using t = await openTokenRoom(openDatabase)
    const { kid, privateKey } = await readKey(t)
    const header = { alg: 'ES256', kid, typ: 'JWT' }
    const good = await new SignJWT(makePayload(t)).setProtectedHeader(header).sign(privateKey)
    assert.equal((await t.tokens.verify(good))?.subject, 'alice')
    const bad = await new SignJWT(change(makePayload(t))).setProtectedHeader(header).sign(privateKey)
    assert.equal(await t.tokens.verify(bad), undefined)
  })
}

test('`verify()` never uses what a header brings: keys, addresses, critical extensions', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  const { kid, privateKey } = await readKey(t)
  const attacker = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(attacker.publicKey)
  const additions = [
    { jwk },
    { jwk: { ...jwk, kid } },
    { jku: 'http://127.0.0.1:1/jwks' },
    { x5c: ['AAAA'] },
    { x5u: 'http://127.0.0.1:1/' },
    { b64: true, crit: ['b64'] },
  ]
  for (const addition of additions) {
    for (const key of [attacker.privateKey, privateKey]) {
      const header = { alg: 'ES256', kid, typ: 'JWT', ...addition }
      const token = await new SignJWT(makePayload(t)).setProtectedHeader(header).sign(key)
      assert.equal(await t.tokens.verify(token), undefined, JSON.stringify(addition))
    }
  }
})

test('`verify()` refuses other key ids, types and signatures', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  const { kid, privateKey } = await readKey(t)
  const attacker = await generateKeyPair('ES256')
  const forged = await new SignJWT(makePayload(t))
    .setProtectedHeader({ alg: 'ES256', kid, typ: 'JWT' })
    .sign(attacker.privateKey)
  assert.equal(await t.tokens.verify(forged), undefined)
  for (const other of [
    '',
    '../../etc/passwd',
    "' or 1=1 --",
    'A'.repeat(43),
    `${kid} `,
    undefined,
    null,
    7,
    [kid],
  ]) {
    const header = { alg: 'ES256', kid: other as string, typ: 'JWT' }
    const token = await new SignJWT(makePayload(t)).setProtectedHeader(header).sign(privateKey)
    assert.equal(await t.tokens.verify(token), undefined, String(other))
  }
  for (const typ of ['at+jwt', 'jwt ', undefined]) {
    const header = { alg: 'ES256', kid, ...(typ === undefined ? {} : { typ }) }
    const token = await new SignJWT(makePayload(t)).setProtectedHeader(header).sign(privateKey)
    assert.equal(await t.tokens.verify(token), undefined, String(typ))
  }
})

test('`verify()` refuses other algorithms: none, and HMAC keyed with the public key', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  const { keys } = await t.tokens.publicKeys()
  const kid = String(keys[0]?.kid)
  const payload = encode(makePayload(t))
  for (const alg of ['none', 'None', 'NONE', '', 'HS256', 'RS256', 'ES384', 'PS256', 'EdDSA', 'es256']) {
    const signed = `${encode({ alg, kid, typ: 'JWT' })}.${payload}`
    const mac = createHmac('sha256', JSON.stringify(keys[0])).update(signed).digest('base64url')
    for (const signature of ['', mac])
      assert.equal(await t.tokens.verify(`${signed}.${signature}`), undefined, alg)
  }
})

test('`verify()` refuses what is no token, and never throws', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  const { token } = await t.tokens.issue(CLAIMS)
  const [header, payload, signature] = token.split('.')
  const texts = [
    '',
    '.',
    '..',
    '...',
    'a.b.c',
    'é.é.é',
    `${header}.${payload}`,
    `${header}.${payload}.`,
    `${header}..${signature}`,
    `.${payload}.${signature}`,
    `${header}.${payload}.${signature}.`,
    `${header}.${payload}.${signature}.${signature}.${signature}`,
    `${header}.${payload}.${signature?.slice(0, 40)}`,
    `${header}.${payload}.${signature}AAAA`,
    `${header}.${payload}.!!!!`,
    `${header}.${encode({ ...makePayload(t), sub: 'admin' })}.${signature}`,
    `${header}.${Buffer.from('nonsense').toString('base64url')}.${signature}`,
    `${encode(null)}.${payload}.${signature}`,
    `${encode([1, 2, 3])}.${payload}.${signature}`,
    `${encode('text')}.${payload}.${signature}`,
    'x'.repeat(MAX_TOKEN_LENGTH + 1),
    token.padEnd(MAX_TOKEN_LENGTH + 1, 'A'),
  ]
  for (const text of texts) assert.equal(await t.tokens.verify(text), undefined, text.slice(0, 80))
})

test('`verify()` refuses the tokens of another registry', async (openDatabase) => {
  await using one = await openTokenRoom(openDatabase)
  await using other = await openTokenRoom(openDatabase)
  assert.notEqual(one.tokens.service, other.tokens.service)
  const { token } = await one.tokens.issue(CLAIMS)
  assert.equal(await other.tokens.verify(token), undefined)
})

test('`issue()` refuses to make a token that `verify()` would not look at', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  const scopes = Array.from({ length: 64 }, (_, index) => ({
    repository: `alice/${'x'.repeat(200)}${index}`,
    actions: ['pull'] as const,
  }))
  await assert.rejects(t.tokens.issue({ subject: 'alice', scopes }), RangeError)
})
