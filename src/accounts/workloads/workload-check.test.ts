import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { changeSeenBy, testOnEngines } from '../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { CHEAP_PASSWORDS } from '../../../test/support/program/cheap-passwords.ts'
import { makeIssuerKey, startIssuer, type TokenIssuer } from '../../../test/support/registry/token-issuer.ts'
import { createDocumentFetch } from '../../app/data/issuers-of-tokens.ts'
import { accountBelongings } from '../../app/database/account-belongings.ts'
import { createAccounts } from '../create-accounts.ts'
import { EXPIRY_GRACE_MS } from '../secrets/secret-check.ts'
import type { Trust } from '../secrets.ts'
import { FETCH_EVERY_MS, KEYS_FRESH_MS } from './issuer-keys.ts'

const test = testOnEngines()
const AUDIENCE = 'registry.example.com'
const ADDRESS = '203.0.113.7'
const SUBJECT = 'repo:org/app:ref:refs/heads/main'

async function setUp(openDatabase: OpenDatabase, alg?: string) {
  const temporary = await openDatabase()
  const { database } = temporary
  const issuer = await startIssuer(alg)
  const clock = { now: Date.now() }
  const failures: string[] = []
  const open = (outgoingNetworks: readonly string[], db = database) =>
    createAccounts({
      database: db,
      belongings: accountBelongings(db),
      htpasswdFile: undefined,
      clock: () => clock.now,
      passwordCost: CHEAP_PASSWORDS,
      fetchDocument: createDocumentFetch({ outgoingNetworks } as Parameters<typeof createDocumentFetch>[0]),
      onIssuerFailure: ({ reason }) => failures.push(reason),
      audiences: async () => [AUDIENCE, `https://${AUDIENCE}`],
    })
  const accounts = open(['127.0.0.0/8', '::1/128'])
  await accounts.add({ name: 'alice', password: 'correct horse', isAdmin: false })
  await accounts.robots.create({ name: 'ci', owner: 'alice', hasSecret: false })
  return {
    accounts,
    database,
    issuer,
    clock,
    failures,
    open,
    openAgain: async () => open([], await temporary.openAgain()),
    trust: (robot: string, more: Partial<Trust> = {}) =>
      accounts.robots.trust(robot, {
        name: 'actions',
        issuer: issuer.issuer,
        audience: undefined,
        requiredClaims: { sub: 'repo:org/app:**' },
        ca: issuer.ca,
        jwks: undefined,
        ...more,
      }),
    logIn: (token: string, name = 'anything') => accounts.verifyPassword(name, token, ADDRESS),
    sign: (...[claims, options]: Parameters<TokenIssuer['sign']>) =>
      issuer.sign({ sub: SUBJECT, aud: AUDIENCE, ...claims }, { issuedAt: clock.now, ...options }),
    async [Symbol.asyncDispose]() {
      await accounts.close()
      await issuer[Symbol.asyncDispose]()
      await temporary[Symbol.asyncDispose]()
    },
  }
}

const refused = (message: RegExp) => ({ code: 'TOKEN_REFUSED', message })

test('an ID token of a trusted issuer with the required claims logs the robot in, under any name', async (openDatabase) => {
  for (const alg of ['RS256', 'ES256']) {
    await using t = await setUp(openDatabase, alg)
    await t.trust('ci')
    const token = await t.sign({})
    const robot = await t.logIn(token)
    assert.deepEqual(
      [robot?.id, robot?.kind, robot?.name, robot?.owns],
      ['robot:1', 'robot', 'ci', ['alice']],
    )
    for (const name of ['ci', '', 'oauth2', 'alice']) assert.equal((await t.logIn(token, name))?.name, 'ci')
    assert.ok(await t.accounts.findEnabled('ci', robot?.credential))
    assert.equal(await t.accounts.findEnabled('alice', robot?.credential), undefined)
    assert.equal((await t.logIn(await t.sign({ aud: ['x', `https://${AUDIENCE}`] })))?.name, 'ci')
    assert.deepEqual(t.issuer.requests, ['/.well-known/openid-configuration', '/keys'])
  }
})

test('an ID token for another audience, of another time, or without a required claim is refused, with the reason', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.trust('ci')
  const cases: [Parameters<typeof t.sign>, RegExp][] = [
    [
      [{ aud: 'other.example.com' }],
      /unexpected "aud" claim value: request it for the audience registry\.example\.com/,
    ],
    [[{ aud: undefined }], /missing required "aud"/],
    [[{}, { issuedAt: t.clock.now - 400_000 }], /"exp" claim timestamp check failed/],
    [[{ exp: undefined }], /missing required "exp"/],
    [[{}, { issuedAt: t.clock.now - 25 * 3_600_000, lifetimeS: 30 * 3_600 }], /too far in the past/],
    [[{}, { issuedAt: t.clock.now + 120_000 }], /"nbf" claim|in the past/],
    [
      [{ sub: 'repo:org/other:ref:x' }],
      /No robot trusts this ID token: it has the claim "sub" with the value "repo:org\/other/,
    ],
    [[{ sub: undefined }], /missing required "sub"/],
  ]
  for (const [[claims, options], message] of cases)
    await assert.rejects(t.logIn(await t.sign(claims, options)), refused(message))
  // Clocks differ by up to a minute.
  assert.ok(await t.logIn(await t.sign({}, { issuedAt: t.clock.now + 50_000 })))
  assert.ok(await t.logIn(await t.sign({}, { issuedAt: t.clock.now - 340_000 })))
})

test('CVE-2025-24976: no key or algorithm of the token itself counts, and no shared secret', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.trust('ci')
  const stranger = await makeIssuerKey('RS256')
  const { issuer } = t
  const forged = [
    await t.sign({}, { key: stranger }),
    await t.sign({}, { key: { ...stranger, kid: issuer.key.kid } }),
    await t.sign({}, { key: stranger, header: { jwk: stranger.publicJwk } }),
    await t.sign({}, { key: stranger, header: { jku: `${issuer.issuer}/keys`, x5u: issuer.issuer } }),
    unsigned('none', await t.sign({})),
    signedByPublicKey(await t.sign({}), issuer),
    `${await t.sign({})}x`,
  ]
  for (const token of forged)
    await assert.rejects(t.logIn(token), { code: 'TOKEN_REFUSED' }, token.slice(0, 40))
  assert.deepEqual(await t.database.read.selectFrom('accepted_id_tokens').selectAll().execute(), [])
})

/** The token without a signature, under an algorithm that says so. */
function unsigned(alg: string, token: string): string {
  return `${encode({ alg, typ: 'JWT' })}.${token.split('.')[1]}.AA`
}

/** The token signed with HMAC, whose secret is the public key of the issuer. */
function signedByPublicKey(token: string, { key, keySet }: TokenIssuer): string {
  const head = `${encode({ alg: 'HS256', kid: key.kid, typ: 'JWT' })}.${token.split('.')[1]}`
  return `${head}.${createHmac('sha256', JSON.stringify(keySet().keys[0])).update(head).digest('base64url')}`
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

test('tokens of unknown issuers and malformed ones are as a wrong password, and nothing is fetched for them', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.trust('ci')
  await using stranger = await startIssuer()
  const token = await t.sign({})
  const others = [
    await stranger.sign({ sub: SUBJECT, aud: AUDIENCE }),
    await t.sign({ iss: `${t.issuer.issuer}/` }),
    await t.sign({ iss: undefined }),
    await t.sign({ iss: 7 }),
    'eyJ.x.y',
    'eyJhbGciOiJub25lIn0.!.x',
    `eyJ.${'a'.repeat(9_000)}.b`,
    await t.sign({ more: 'x'.repeat(9_000) }),
    token.replace('.', '..'),
  ]
  for (const other of others) assert.equal(await t.logIn(other), undefined, other.slice(0, 30))
  assert.deepEqual([...t.issuer.requests, ...stranger.requests], [])
})

test('a token that was accepted goes on for an hour after its end, unless trust or robot are gone', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.trust('ci')
  const other = await t.openAgain()
  const token = await t.sign({})
  const late = await t.sign({})
  const robot = await t.logIn(token)
  assert.equal(robot?.endsAt, Math.floor(t.clock.now / 1_000) * 1_000 + 300_000 + EXPIRY_GRACE_MS)
  t.clock.now += 400_000
  await assert.rejects(t.logIn(late), refused(/"exp"/))
  assert.ok(await t.logIn(token))
  await changeSeenBy(t.database, () => other.robots.setDisabled('ci', true))
  await assert.rejects(t.logIn(token), refused(/is disabled/))
  assert.equal(await t.accounts.findEnabled('ci', robot.credential), undefined)
  await changeSeenBy(t.database, () => other.robots.setDisabled('ci', false))
  assert.ok(await t.logIn(token))
  t.clock.now = robot.endsAt ?? 0
  await assert.rejects(t.logIn(token), refused(/"exp"/))
  t.clock.now -= 1
  await changeSeenBy(t.database, () => other.robots.distrust('ci', 'actions'))
  assert.equal(await t.logIn(token), undefined)
  assert.equal(await t.accounts.findEnabled('ci', robot.credential), undefined)
  await t.trust('ci')
  await assert.rejects(t.logIn(token), refused(/"exp"/))
})

test('a new key of the issuer is fetched when it is used, at most once a minute, and old ones serve while it is down', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.trust('ci')
  const { issuer, clock } = t
  assert.ok(await t.logIn(await t.sign({})))
  clock.now += FETCH_EVERY_MS
  await issuer.rotate()
  assert.ok(await t.logIn(await t.sign({})))
  assert.equal(issuer.requests.length, 4)
  for (let index = 0; index < 10; index++)
    await assert.rejects(
      t.logIn(await t.sign({}, { key: await makeIssuerKey('ES256') })),
      /no applicable key/,
    )
  assert.equal(issuer.requests.length, 4)
  issuer.isDown = true
  clock.now += KEYS_FRESH_MS
  assert.ok(await t.logIn(await t.sign({})))
  clock.now += 24 * 3_600_000
  await assert.rejects(t.logIn(await t.sign({})), refused(/keys of https:.* cannot be had now/))
  assert.match(t.failures.at(-1) ?? '', /503/)
  issuer.isDown = false
  clock.now += FETCH_EVERY_MS
  const before = issuer.requests.length
  const tokens = await Promise.all(Array.from({ length: 20 }, () => t.sign({})))
  assert.ok((await Promise.all(tokens.map((token) => t.logIn(token)))).every(Boolean))
  assert.equal(issuer.requests.length, before + 2)
})

test('keys are fetched from public addresses only, unless the settings allow more, and from the named issuer', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.trust('ci')
  const guarded = t.open([])
  await assert.rejects(guarded.verifyPassword('ci', await t.sign({})), refused(/cannot be had now/))
  assert.match(t.failures.at(-1) ?? '', /localhost/)
  assert.deepEqual(t.issuer.requests, [])
  const { answers, issuer } = t.issuer
  const path = '/.well-known/openid-configuration'
  const faulty: [string, RegExp][] = [
    [JSON.stringify({ issuer: 'https://evil.example', jwks_uri: `${issuer}/keys` }), /names another issuer/],
    [JSON.stringify({ issuer }), /names no jwks_uri/],
    [JSON.stringify({ issuer, jwks_uri: 'http://localhost/keys' }), /https/],
    [JSON.stringify({ issuer, jwks_uri: 'file:///etc/passwd' }), /no URL/],
    ['<html>', /JSON/],
    [`"${'x'.repeat(300_000)}"`, /more than 262144 bytes/],
  ]
  for (const [answer, message] of faulty) {
    answers.set(path, answer)
    t.clock.now += FETCH_EVERY_MS
    await assert.rejects(t.logIn(await t.sign({})), refused(/cannot be had now: try again in a minute/))
    assert.match(t.failures.at(-1) ?? '', message)
  }
})

test('of several robots that trust a token the name chooses; keys can be given with the trust', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.accounts.robots.create({ name: 'deploy', hasSecret: false })
  const jwks = JSON.stringify(t.issuer.keySet())
  await t.trust('ci', { jwks })
  await t.trust('deploy', { jwks, audience: 'custom', requiredClaims: { sub: '**', environment: 'prod' } })
  const both = await t.sign({ aud: [AUDIENCE, 'custom'], environment: 'prod' })
  for (const name of ['ci', 'deploy']) assert.equal((await t.logIn(both, name))?.name, name)
  const again = await t.sign({ aud: [AUDIENCE, 'custom'], environment: 'prod' })
  await assert.rejects(t.logIn(again), refused(/log in with the name of one, (ci or deploy|deploy or ci)$/))
  assert.equal((await t.logIn(await t.sign({ environment: 'prod' }), 'deploy'))?.name, 'ci')
  await assert.rejects(
    t.logIn(await t.sign({ aud: 'custom', environment: 'test' })),
    refused(/claim "environment" with the value "test"/),
  )
  assert.deepEqual(t.issuer.requests, [])
})
