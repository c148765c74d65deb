import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { importJWK, SignJWT } from 'jose'
import { changeSeenBy, testOnEngines } from '../../../test/support/database/engines.ts'
import { LIFETIME_S, NOW, openTokenRoom } from '../../../test/support/registry/token-room.ts'
import type { AccessClaims } from '../tokens.ts'
import { KEY_MAX_AGE_MS } from './signing-keys.ts'
import { createTokenService } from './token-service.ts'

const test = testOnEngines()

const LEEWAY_S = 60
const CLAIMS: AccessClaims = { subject: 'alice', scopes: [{ repository: 'alice/app', actions: ['pull'] }] }

/** The key id in the header of a token. */
const parseKid = (token: string): unknown =>
  JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid

test('`createTokenService()` in several processes at once agrees on name and key', async (openDatabase) => {
  await using temporary = await openDatabase()
  const databases = [temporary.database, await temporary.openAgain(), await temporary.openAgain()]
  const services = await Promise.all(
    databases.map((database) => createTokenService({ database, lifetimeS: LIFETIME_S })),
  )
  assert.equal(new Set(services.map((service) => service.service)).size, 1)
  const keys = await temporary.database.read.selectFrom('token_keys').select('kid').execute()
  assert.equal(keys.length, 1)
  for (const issuer of services) {
    const { token } = await issuer.issue(CLAIMS)
    for (const verifier of services) assert.deepEqual(await verifier.verify(token), CLAIMS)
  }
})

test('a key is replaced when it is old, and verifies for one token lifetime more', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  t.clock.now = NOW + KEY_MAX_AGE_MS - 1
  const old = await t.tokens.issue(CLAIMS)
  t.clock.now += 1
  const fresh = await t.tokens.issue(CLAIMS)
  assert.notEqual(parseKid(old.token), parseKid(fresh.token))
  assert.deepEqual(await t.tokens.verify(old.token), CLAIMS)
  assert.deepEqual(
    (await t.tokens.publicKeys()).keys.map((key) => key.kid),
    [parseKid(fresh.token), parseKid(old.token)],
  )
  t.clock.now += (LIFETIME_S + LEEWAY_S) * 1_000
  assert.equal((await t.tokens.publicKeys()).keys.length, 1)
})

test('a token signed with a key that retired a lifetime ago is refused, whatever it says', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  const row = await t.database.read.selectFrom('token_keys').selectAll().executeTakeFirstOrThrow()
  t.clock.now = NOW + KEY_MAX_AGE_MS
  await t.tokens.issue(CLAIMS)
  t.clock.now += (LIFETIME_S + LEEWAY_S) * 1_000
  const nowS = t.clock.now / 1_000
  const token = await new SignJWT({
    sub: 'alice',
    jti: 'x',
    access: [],
    iat: nowS,
    nbf: nowS,
    exp: nowS + 60,
  })
    .setProtectedHeader({ alg: 'ES256', kid: row.kid, typ: 'JWT' })
    .setIssuer(t.tokens.service)
    .setAudience(t.tokens.service)
    .sign(await importJWK(JSON.parse(row.private_jwk), 'ES256'))
  assert.equal(await t.tokens.verify(token), undefined)
})

test('a key that another process made is known at once, one that it removed ends', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  const again = await t.openAgain()
  const other = await t.open(again)
  const removeKeys = (): Promise<unknown> =>
    t.database.transaction((tx) => tx.deleteFrom('token_keys').execute())
  await changeSeenBy(again, removeKeys)
  let token = ''
  await changeSeenBy(t.database, async () => {
    token = (await other.issue(CLAIMS)).token
  })
  await nextTurn()
  assert.deepEqual(await t.tokens.verify(token), CLAIMS)
  const { token: unseen } = await other.issue(CLAIMS)
  await removeKeys()
  await nextTurn()
  assert.equal(await t.tokens.verify(unseen), undefined)
})

test('`publicKeys()` holds no private part', async (openDatabase) => {
  await using t = await openTokenRoom(openDatabase)
  const { keys } = await t.tokens.publicKeys()
  assert.equal(keys.length, 1)
  assert.deepEqual(Object.keys(keys[0] ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  const { token } = await t.tokens.issue(CLAIMS)
  assert.equal(keys[0]?.kid, parseKid(token))
})
