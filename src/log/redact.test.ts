import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertGrowsLinearly } from '../../test/support/machine/cpu-time.ts'
import { REDACTED, redactFields, redactText } from './redact.ts'

const CANARY = 'c4n4ry-S3cret'

const NAMES = [
  'authorization',
  'Authorization',
  'proxy-authorization',
  'Cookie',
  'set-cookie',
  'password',
  'passwordHash',
  'token',
  'access_token',
  'refresh_token',
  'refreshToken',
  'identity_token',
  'secret',
  'client_secret',
  'privateKey',
  'private_jwk',
  'WWW-Authenticate',
]

for (const name of NAMES) {
  test(`redactFields() masks "${name}" at every depth`, () => {
    const fields = {
      [name]: CANARY,
      deep: { list: [{ [name]: { inner: CANARY } }] },
      headers: { [name]: [CANARY] },
    }
    assert.doesNotMatch(JSON.stringify(redactFields(fields)), /c4n4ry/)
  })
}

test('redactFields() keeps what is no secret', () => {
  const fields = {
    status: 200,
    path: '/v2/alice/app/manifests/v1',
    tokens: 3,
    none: null,
    list: [1, 'a'],
    on: true,
  }
  assert.deepEqual(redactFields(fields), fields)
})

test('redactFields() makes errors plain, with their causes, codes and no secrets', () => {
  const cause = Object.assign(new Error(`GET https://u:${CANARY}@host/x?token=${CANARY} failed`), {
    code: 'ECONNRESET',
    password: CANARY,
  })
  const { err } = redactFields({ err: new TypeError(`with Bearer ${CANARY}xx`, { cause }) })
  const text = JSON.stringify(err)
  assert.doesNotMatch(text, /c4n4ry/)
  assert.match(text, /TypeError.*ECONNRESET/)
  assert.match(text, /GET https:\/\/host\/x failed/)
})

test('redactFields() names instances without opening them', () => {
  class Session {
    readonly canary = CANARY
  }
  const fields = { session: new Session(), bytes: Buffer.from(CANARY), map: new Map([['a', CANARY]]) }
  assert.deepEqual(redactFields(fields), { session: '[Session]', bytes: '[Buffer]', map: '[Map]' })
})

test('redactFields() ends on circles and cuts long lists and texts', () => {
  const circle: Record<string, unknown> = {}
  circle.self = circle
  assert.match(JSON.stringify(redactFields(circle)), /\[Object\]/)
  const { list, text } = redactFields({
    list: Array.from({ length: 1000 }, () => 1),
    text: 'x'.repeat(100_000),
  })
  assert.equal((list as unknown[]).length, 100)
  assert.equal((text as string).length, 8193)
})

const TEXTS: readonly [string, string][] = [
  ['nothing to see: 1 + 1', 'nothing to see: 1 + 1'],
  [`at https://alice:${CANARY}@r.example.com:5000/v2/?a=${CANARY}#x`, 'at https://r.example.com:5000/v2/'],
  [`at https://a@b:${CANARY}@r.example.com/v2/`, 'at https://r.example.com/v2/'],
  [`https://${CANARY}@host`, 'https://host'],
  [`GET /token?scope=a&refresh_token=${CANARY}&x=1`, `GET /token?scope=a&refresh_token=${REDACTED}&x=1`],
  [`password=${CANARY}`, `password=${REDACTED}`],
  [`Authorization: Basic ${Buffer.from(CANARY).toString('base64')}`, `Authorization: Basic ${REDACTED}`],
  [`bearer ${CANARY}`, `bearer ${REDACTED}`],
  ['got eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl today', `got ${REDACTED} today`],
]

for (const [text, expected] of TEXTS) {
  test(`redactText() cleans "${text.replaceAll(CANARY, '…')}"`, () =>
    assert.equal(redactText(text), expected))
}

test('redactText() takes no more than its share of time for longer hostile texts', () => {
  for (const piece of [
    '://',
    'a://@',
    'eyJ',
    'token=',
    '%20eyJ',
    'ghp_',
    'glpat-',
    'xoxb-',
    '-----BEGIN A',
  ]) {
    assertGrowsLinearly((size) => {
      const text = piece.repeat(size / piece.length)
      return () => {
        for (let round = 0; round < 20; round++) redactText(text)
      }
    }, 8_000)
  }
})
