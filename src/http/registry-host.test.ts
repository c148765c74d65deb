import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeVisit } from '../../test/support/door/served-by.ts'
import { openHttpSurface } from '../../test/support/registry/http-surface.ts'
import type { AccessLine } from '../log/access-line.ts'
import { wordRefusal } from './answer/word-refusal.ts'
import type { DoubtedOrigin } from './request/doubted-origin.ts'

test('an answer has the id of its visit and the headers that its host adds; own ones count more', async () => {
  const statuses: number[] = []
  const addedHeaders = (status: number) => {
    statuses.push(status)
    return { 'strict-transport-security': 'max-age=1', 'x-several': ['a', 'b'], 'x-request-id': 'theirs' }
  }
  await using surface = await openHttpSurface({ visit: { requestId: 'v7', addedHeaders } })
  for (const [path, status] of [
    ['/livez', 200],
    ['/v2/', 401],
    ['/nothing', 404],
  ] as const) {
    const reply = await surface.send(undefined, 'GET', path)
    assert.equal(reply.status, status)
    assert.equal(reply.headers['x-request-id'], 'v7')
    assert.equal(reply.headers['strict-transport-security'], 'max-age=1')
    assert.equal(reply.headers['x-several'], 'a, b')
  }
  assert.deepEqual(statuses, [200, 401, 404])
})

test('the access line has the id and the visitor of the visit', async () => {
  const lines: AccessLine[] = []
  const written = Promise.withResolvers<void>()
  const logAccess = (line: AccessLine): void => {
    lines.push(line)
    written.resolve()
  }
  const visit = { requestId: 'v8', remoteAddress: '2001:db8::7', peerAddress: '10.0.0.1' }
  await using surface = await openHttpSurface({ visit, host: { logAccess } })
  await surface.send('alice', 'GET', '/v2/')
  await written.promise
  const [line] = lines
  assert.deepEqual([line?.id, line?.remote, line?.who, line?.status], ['v8', '2001:db8::7', 'alice', 200])
})

test('clients log in where the visit says, or where the operator says', async () => {
  const origin = 'https://seen.test:8443'
  for (const [publicUrl, realm] of [
    [undefined, `${origin}/token`],
    ['https://named.test', 'https://named.test/token'],
  ] as const) {
    const doubts: DoubtedOrigin[] = []
    const { doubt } = makeVisit({ doubt: { kind: 'silent', url: 'https://x' } })
    const host = { publicUrl, onDoubtedOrigin: (doubted: DoubtedOrigin) => void doubts.push(doubted) }
    await using surface = await openHttpSurface({ visit: { origin, doubt }, host })
    const reply = await surface.send(undefined, 'GET', '/v2/')
    assert.ok(String(reply.headers['www-authenticate']).includes(`realm="${realm}"`))
    assert.equal(doubts.length, publicUrl === undefined ? 1 : 0)
  }
})

test('`wordRefusal()` words what the door refuses as errors of the registry', () => {
  assert.deepEqual(wordRefusal({ kind: 'head', reason: 'no' }), {
    type: 'application/json',
    body: '{"errors":[{"code":"REQUEST_INVALID","message":"no"}]}',
  })
  const { body } = wordRefusal({ kind: 'body-too-large', maxBytes: 10, place: 'a.test:3' })
  const message = 'The body is larger than the 10 bytes that client_max_body_size allows in a.test:3'
  assert.deepEqual(JSON.parse(body), { errors: [{ code: 'SIZE_INVALID', message, detail: { limit: 10 } }] })
})
