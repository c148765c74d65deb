import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type HttpSurface, openHttpSurface } from '../../../test/support/registry/http-surface.ts'
import { hashContent } from '../../oci/digest.ts'

const TEXT = '0123456789'
const DIGEST = hashContent(TEXT)
const PATH = `/v2/alice/app/blobs/${DIGEST}`
const ETAG = `"${DIGEST}"`

let surface: HttpSurface
before(async () => {
  surface = await openHttpSurface()
  const path = `/v2/alice/app/blobs/uploads/?digest=${DIGEST}`
  assert.equal((await surface.send('alice', 'POST', path, { body: TEXT })).status, 201)
})
after(() => surface[Symbol.asyncDispose]())

/** Headers of a GET -> status, body, `Content-Range`. */
const ROWS: readonly (readonly [
  headers: Record<string, string>,
  status: number,
  text: string,
  range?: string,
])[] = [
  [{}, 200, TEXT],
  [{ range: 'bytes=2-4' }, 206, '234', 'bytes 2-4/10'],
  [{ range: 'bytes=-3' }, 206, '789', 'bytes 7-9/10'],
  [{ range: 'bytes=8-99' }, 206, '89', 'bytes 8-9/10'],
  [{ range: 'lines=1-2' }, 200, TEXT],
  [{ range: 'bytes=2-4', 'if-range': ETAG }, 206, '234', 'bytes 2-4/10'],
  [{ range: 'bytes=2-4', 'if-range': '"another"' }, 200, TEXT],
  [{ range: 'bytes=2-4', 'if-range': 'Fri, 27 Nov 2026 00:00:00 GMT' }, 200, TEXT],
  [{ 'if-none-match': ETAG }, 304, ''],
  [{ 'if-none-match': `W/"x", W/${ETAG}` }, 304, ''],
  [{ 'if-none-match': '*' }, 304, ''],
  [{ 'if-none-match': '"x"' }, 200, TEXT],
]

for (const [headers, status, text, range] of ROWS) {
  test(`GET of a blob with ${JSON.stringify(headers).slice(0, 70)} is answered ${status}`, async () => {
    const reply = await surface.send('alice', 'GET', PATH, { headers })
    assert.deepEqual([reply.status, reply.text, reply.headers['content-range']], [status, text, range])
    assert.equal(reply.headers.etag, ETAG)
    assert.equal(reply.headers['docker-content-digest'], DIGEST)
  })
}

test('several ranges come as parts, and HEAD has none', async () => {
  const headers = { range: 'bytes=0-1,8-9' }
  const reply = await surface.send('alice', 'GET', PATH, { headers })
  assert.equal(reply.status, 206)
  assert.match(String(reply.headers['content-type']), /^multipart\/byteranges; boundary=/)
  assert.match(reply.text, /Content-Range: bytes 0-1\/10\r\n\r\n01\r\n[\s\S]*bytes 8-9\/10\r\n\r\n89\r\n/)
  assert.equal(Number(reply.headers['content-length']), reply.body.length)
  const head = await surface.send('alice', 'HEAD', PATH, { headers })
  assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, '10', ''])
})

test('a range that holds no byte is refused with the size', async () => {
  for (const range of ['bytes=10-', 'bytes=5-4', 'bytes=x']) {
    const reply = await surface.send('alice', 'GET', PATH, { headers: { range } })
    assert.deepEqual([reply.status, reply.code], [416, 'RANGE_INVALID'])
    assert.equal(reply.headers['content-range'], 'bytes */10')
  }
})

test('an unknown blob, and one of another repository, are not there', async () => {
  for (const path of [`/v2/alice/app/blobs/${hashContent('x')}`, `/v2/alice/other/blobs/${DIGEST}`]) {
    const reply = await surface.send('alice', 'GET', path)
    assert.equal(reply.status, 404)
    assert.match(String(reply.code), /^(?:BLOB|NAME)_UNKNOWN$/)
  }
})
