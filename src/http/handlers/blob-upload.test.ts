import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type HttpSurface, openHttpSurface } from '../../../test/support/registry/http-surface.ts'
import { hashContent } from '../../oci/digest.ts'

const UPLOADS = '/v2/alice/app/blobs/uploads/'

let surface: HttpSurface
before(async () => {
  surface = await openHttpSurface()
})
after(() => surface[Symbol.asyncDispose]())

async function startSession(): Promise<string> {
  const reply = await surface.send('alice', 'POST', UPLOADS)
  assert.deepEqual([reply.status, reply.headers.range], [202, '0-0'])
  const { location } = reply.headers
  assert.equal(location, `${UPLOADS}${reply.headers['docker-upload-uuid']}`)
  return String(location)
}

test('a blob in chunks: each answer says where to go on', async () => {
  const session = await startSession()
  const append = (body: string, range: string) =>
    surface.send('alice', 'PATCH', session, { body, headers: { 'content-range': range } })
  const first = await append('01234', '0-4')
  assert.deepEqual([first.status, first.headers.range, first.headers.location], [202, '0-4', session])
  const status = await surface.send('alice', 'GET', session)
  assert.deepEqual([status.status, status.headers.range], [204, '0-4'])
  const gap = await append('789', '7-9')
  assert.deepEqual([gap.status, gap.code], [416, 'RANGE_INVALID'])
  const digest = hashContent('0123456789')
  const end = await surface.send('alice', 'PUT', `${session}?digest=${digest}`, { body: '56789' })
  assert.equal(end.status, 201, end.text)
  assert.equal(end.headers.location, `/v2/alice/app/blobs/${digest}`)
  assert.equal(end.headers['docker-content-digest'], digest)
})

/** Faults of a chunk: its headers, and the answer. */
const REFUSED: readonly (readonly [
  what: string,
  headers: Record<string, string>,
  status: number,
  code: string,
])[] = [
  ['a form', { 'content-type': 'multipart/form-data; boundary=x' }, 400, 'BLOB_UPLOAD_INVALID'],
  ['a range that cannot be read', { 'content-range': 'five' }, 416, 'RANGE_INVALID'],
  ['a range that ends before it begins', { 'content-range': '4-0' }, 416, 'RANGE_INVALID'],
  ['a range of another length', { 'content-range': '0-9' }, 400, 'SIZE_INVALID'],
]

for (const [what, headers, status, code] of REFUSED) {
  test(`a chunk with ${what} is refused`, async () => {
    const reply = await surface.send('alice', 'PATCH', await startSession(), { body: 'abc', headers })
    assert.deepEqual([reply.status, reply.code], [status, code], reply.text)
  })
}

test('the end of an upload without bytes has no place, whatever its range says', async () => {
  const session = await startSession()
  await surface.send('alice', 'PATCH', session, { body: 'abc', chunked: true })
  const headers = { 'content-range': '3-2', 'content-length': '0' }
  const end = await surface.send('alice', 'PUT', `${session}?digest=${hashContent('abc')}`, { headers })
  assert.equal(end.status, 201, end.text)
})

test('bytes of another digest are refused', async () => {
  const path = `${UPLOADS}?digest=${hashContent('right')}`
  const reply = await surface.send('alice', 'POST', path, { body: 'wrong' })
  assert.deepEqual([reply.status, reply.code], [400, 'DIGEST_INVALID'])
})

test("a session is its account's, and is gone once it is cancelled", async () => {
  const session = await startSession()
  assert.equal((await surface.send('admin', 'GET', session)).code, 'BLOB_UPLOAD_UNKNOWN')
  assert.equal((await surface.send('alice', 'DELETE', session)).status, 204)
  assert.equal((await surface.send('alice', 'GET', session)).code, 'BLOB_UPLOAD_UNKNOWN')
})

test('a mount of what is there needs no bytes; one that misses opens a session', async () => {
  const digest = hashContent('mounted')
  await surface.send('alice', 'POST', `${UPLOADS}?digest=${digest}`, { body: 'mounted' })
  const mount = (name: string) =>
    surface.send('alice', 'POST', `/v2/alice/two/blobs/uploads/?mount=${hashContent(name)}&from=alice/app`)
  const hit = await mount('mounted')
  assert.deepEqual([hit.status, hit.headers.location], [201, `/v2/alice/two/blobs/${digest}`])
  assert.equal((await mount('missing')).status, 202)
})
