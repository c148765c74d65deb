import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { hashContent } from '../../src/oci/digest.ts'
import { MEDIA_TYPES } from '../../src/oci/media-type.ts'
import type { Reply } from './connection.ts'
import { describeBytes, EMPTY_JSON, RegistryUnderTest, toImage } from './registry-under-test.ts'

const BYTES = '0123456789'
const ETAG = `"${hashContent(BYTES)}"`

/** Longest time until all traces of a client that vanished are gone, in ms. */
const LEFT_NOTHING_MS = 60_000

/** Request headers -> status, body, Content-Range. */
const RANGES: readonly (readonly [Record<string, string>, number, string, string?])[] = [
  [{ range: 'bytes=0-0' }, 206, '0', 'bytes 0-0/10'],
  [{ range: 'bytes=2-5' }, 206, '2345', 'bytes 2-5/10'],
  [{ range: 'bytes=7-' }, 206, '789', 'bytes 7-9/10'],
  [{ range: 'bytes=-3' }, 206, '789', 'bytes 7-9/10'],
  [{ range: 'bytes=-100' }, 206, BYTES, 'bytes 0-9/10'],
  [{ range: 'bytes=8-100' }, 206, '89', 'bytes 8-9/10'],
  [{ range: 'bytes=10-' }, 416, '', 'bytes */10'],
  [{ range: 'bytes=5-2' }, 416, '', 'bytes */10'],
  [{ range: 'bytes=-0' }, 416, '', 'bytes */10'],
  [{ range: 'bytes=2-99999999999999999999' }, 206, '23456789', 'bytes 2-9/10'],
  [{ range: 'bytes=99999999999999999999-' }, 416, '', 'bytes */10'],
  [{ range: 'BYTES= 1-2 ,' }, 206, '12', 'bytes 1-2/10'],
  [{ range: 'bytes=a-b' }, 416, '', 'bytes */10'],
  [{ range: 'bytes=-' }, 416, '', 'bytes */10'],
  [{ range: 'bytes=' }, 416, '', 'bytes */10'],
  [{ range: 'bytes=1-2-3' }, 416, '', 'bytes */10'],
  [{ range: 'bytes=0-1,5-2' }, 416, '', 'bytes */10'],
  [{ range: 'bytes=0-1,x' }, 416, '', 'bytes */10'],
  [{ range: 'bytes=10-11,12-,-0' }, 416, '', 'bytes */10'],
  [{ range: 'bytes=2-3,20-30' }, 206, '23', 'bytes 2-3/10'],
  [{ range: 'bytes=2-5,4-7,3-3' }, 206, '234567', 'bytes 2-7/10'],
  [{ range: 'bytes=-3,0-' }, 206, BYTES, 'bytes 0-9/10'],
  [{ range: 'bytes=0-1,4-5', 'if-range': '"x"' }, 200, BYTES],
  [{ range: 'pages=1-2' }, 200, BYTES],
  [{ range: 'bytes=2-5', 'if-range': ETAG }, 206, '2345', 'bytes 2-5/10'],
  [{ range: 'bytes=2-5', 'if-range': `W/${ETAG}` }, 200, BYTES],
  [{ range: 'bytes=2-5', 'if-range': `"${hashContent('other')}"` }, 200, BYTES],
  [{ range: 'bytes=2-5', 'if-range': 'Mon, 23 Nov 2026 11:00:00 GMT' }, 200, BYTES],
  [{ 'if-none-match': ETAG }, 304, ''],
  [{ 'if-none-match': `"x", W/${ETAG}` }, 304, ''],
  [{ 'if-none-match': '*' }, 304, ''],
  [{ 'if-none-match': '"x"' }, 200, BYTES],
]

describe('reading', () => {
  let registry: RegistryUnderTest
  const send = (method: string, path: string, headers: Record<string, string> = {}) =>
    registry.send('alice', method, path, { headers })
  const put = (document: Record<string, unknown>, reference: string) =>
    registry.send('alice', 'PUT', `/v2/alice/app/manifests/${reference}`, {
      body: JSON.stringify(document),
      headers: { 'content-type': String(document.mediaType) },
    })

  before(async () => {
    registry = await RegistryUnderTest.start()
    for (const blob of [EMPTY_JSON, BYTES]) await registry.pushBlob('alice', 'alice/app', blob)
    for (const reference of ['v1', 'v2', 'a', 'B', '_', '10', '9']) {
      await registry.pushManifest('alice', 'alice/app', { document: toImage([BYTES]), reference })
    }
  })
  after(() => registry[Symbol.asyncDispose]())

  for (const [headers, status, body, contentRange] of RANGES) {
    test(`a blob requested with ${JSON.stringify(headers)} is ${status}`, async () => {
      const reply = await send('GET', `/v2/alice/app/blobs/${hashContent(BYTES)}`, headers)
      assert.equal(reply.status, status)
      assert.equal(reply.headers['content-range'], contentRange)
      if (status !== 416) assert.equal(reply.text, body)
      if (status === 206) assert.equal(reply.headers['content-length'], String(body.length))
    })
  }

  test('HEAD has the headers of GET, and knows no range', async () => {
    for (const path of [`blobs/${hashContent(BYTES)}`, 'manifests/v1', 'tags/list']) {
      const [get, head] = await Promise.all(
        ['GET', 'HEAD'].map((method) =>
          send(method, `/v2/alice/app/${path}`, method === 'HEAD' ? { range: 'bytes=0-1' } : {}),
        ),
      )
      assert.deepEqual([head?.status, head?.text], [200, ''])
      const { date: _d, 'x-request-id': _i, ...expected } = get?.headers ?? {}
      const { date: _e, 'x-request-id': _j, ...actual } = head?.headers ?? {}
      assert.deepEqual(actual, expected)
    }
  })

  /** Follows the links from a page to the last; fails if they form a circle. */
  async function follow(first: string, entriesOf: (reply: Reply) => string[]): Promise<string[]> {
    const entries: string[] = []
    let path: string | undefined = first
    for (let pages = 0; path !== undefined; pages++) {
      assert.ok(pages < 50, 'the links never end')
      const reply: Reply = await send('GET', path)
      assert.equal(reply.status, 200, reply.text)
      entries.push(...entriesOf(reply))
      path = /^<([^>]+)>; rel="next"$/.exec(String(reply.headers.link ?? ''))?.[1]
    }
    return entries
  }

  test('tags and repositories come once each, in the order of their bytes, whatever the page', async () => {
    for (const name of ['a', 'a-b', 'a/b', 'b']) {
      await registry.pushBlob('alice', `alice/${name}`, EMPTY_JSON)
      await registry.pushManifest('alice', `alice/${name}`, { document: toImage([]), reference: 'v1' })
    }
    const tags = ['10', '9', 'B', '_', 'a', 'v1', 'v2']
    const repositories = ['alice/a', 'alice/a-b', 'alice/a/b', 'alice/app', 'alice/b']
    for (const n of [1, 2, 3, 7, 100]) {
      assert.deepEqual(await follow(`/v2/alice/app/tags/list?n=${n}`, (r) => r.json.tags as string[]), tags)
      const names = await follow(`/v2/_catalog?n=${n}`, (r) => r.json.repositories as string[])
      assert.deepEqual(names, repositories)
    }
    assert.deepEqual((await send('GET', '/v2/alice/app/tags/list?last=a')).json.tags, ['v1', 'v2'])
    assert.deepEqual((await send('GET', '/v2/alice/app/tags/list?last=zz')).json.tags, [])
    assert.equal((await registry.send('bob', 'GET', '/v2/_catalog')).text, '{"repositories":[]}')
  })

  test('referrers: subject in a header, filtered, paged, and those of the fallback tag folded in', async () => {
    const subject = { ...describeBytes(MEDIA_TYPES.ociManifest, JSON.stringify(toImage([BYTES]))) }
    const digests: string[] = []
    for (let i = 0; i < 5; i++) {
      const artifactType = i % 2 === 0 ? 'test/even' : 'test/odd'
      const document = toImage([], { subject, artifactType, annotations: { number: String(i) } })
      const reply = await put(document, hashContent(JSON.stringify(document)))
      assert.deepEqual([reply.status, reply.headers['oci-subject']], [201, subject.digest])
      digests.push(String(reply.headers['docker-content-digest']))
    }
    const old = toImage([], { annotations: { old: 'yes' } })
    await put(old, 'old')
    const entry: Record<string, unknown> = {
      ...describeBytes(MEDIA_TYPES.ociManifest, JSON.stringify(old)),
      artifactType: 'test/even',
    }
    const fallback = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [entry] }
    assert.equal((await put(fallback, String(subject.digest).replace(':', '-'))).status, 201)
    digests.push(String(entry.digest))
    const path = `/v2/alice/app/referrers/${subject.digest}`
    const digestsOf = (reply: Reply) =>
      (reply.json.manifests as { digest: string }[]).map(({ digest }) => digest)
    for (const query of ['', '?n=1', '?n=2', '?n=5', '?n=6']) {
      assert.deepEqual(await follow(path + query, digestsOf), [...digests].sort(), query)
    }
    const even = await send('GET', `${path}?artifactType=test/even`)
    assert.equal(even.headers['oci-filters-applied'], 'artifactType')
    assert.equal(even.headers['content-type'], MEDIA_TYPES.ociIndex)
    assert.equal(digestsOf(even).length, 4)
    assert.deepEqual((await follow(`${path}?artifactType=test/even&n=1`, digestsOf)).length, 4)
    const none = await send('GET', `/v2/alice/none/referrers/${subject.digest}`)
    assert.deepEqual([none.status, none.json.manifests], [200, []])
  })

  test('referrers whose annotations are large come in pages that clients read', async () => {
    const subject = describeBytes(MEDIA_TYPES.ociManifest, 'large')
    const digests: string[] = []
    for (let i = 0; i < 3; i++) {
      const document = toImage([], {
        subject,
        annotations: { filling: 'é'.repeat(1_200_000), i: String(i) },
      })
      digests.push(await registry.pushManifest('alice', 'alice/app', { document }))
    }
    const pages: number[] = []
    const listed = await follow(`/v2/alice/app/referrers/${subject.digest}`, (reply) => {
      pages.push(reply.body.length)
      return (reply.json.manifests as { digest: string }[]).map(({ digest }) => digest)
    })
    assert.deepEqual(listed, digests.sort())
    assert.ok(Math.max(...pages) <= 4 * 1024 * 1024, `${pages}`)
  })

  test('`?tag=` names further tags, and sha512 is kept as it was requested', async () => {
    const document = toImage([BYTES], { annotations: { digest: 'sha512' } })
    const digest = hashContent(JSON.stringify(document), 'sha512')
    const reply = await put(document, `${digest}?tag=x1&tag=x2`)
    assert.deepEqual([reply.status, reply.headers['oci-tag']], [201, 'x1, x2'])
    for (const tag of ['x1', 'x2']) {
      const { headers } = await send('HEAD', `/v2/alice/app/manifests/${tag}`)
      assert.equal(headers['docker-content-digest'], digest)
    }
    const path = '/v2/alice/app/blobs/uploads/?digest-algorithm=sha512'
    const blob = hashContent('long hash', 'sha512')
    const session = String((await send('POST', path)).headers.location)
    const end = await registry.send('alice', 'PUT', `${session}?digest=${blob}`, { body: 'long hash' })
    assert.deepEqual([end.status, end.headers['docker-content-digest']], [201, blob])
    assert.equal((await send('GET', `/v2/alice/app/blobs/${blob}`)).text, 'long hash')
    assert.equal((await send('DELETE', '/v2/alice/app/manifests/x1')).status, 202)
    assert.equal((await send('GET', '/v2/alice/app/manifests/x2')).status, 200)
    assert.equal((await send('DELETE', `/v2/alice/app/manifests/${digest}`)).status, 202)
    assert.equal((await send('GET', '/v2/alice/app/manifests/x2')).status, 404)
  })

  test('what is in use is not deleted', async () => {
    const reply = await send('DELETE', `/v2/alice/app/blobs/${hashContent(BYTES)}`)
    assert.deepEqual([reply.status, reply.code], [405, 'BLOB_IN_USE'])
  })

  test('a client that vanishes in a whole blob or a manifest leaves nothing', async () => {
    const before = registry.inventory()
    const targets = [
      `POST /v2/alice/app/blobs/uploads/?digest=${hashContent('abc')}`,
      'PUT /v2/alice/app/manifests/gone',
    ]
    const { hostname, port } = new URL(registry.url)
    for (const target of targets) {
      const socket = connect({ host: hostname, port: Number(port) })
      const head = [`${target} HTTP/1.1`, 'Host: x', `Authorization: ${registry.basic('alice')}`]
      socket.write(`${head.join('\r\n')}\r\nContent-Length: 100\r\n\r\nabc`, () => socket.end())
      await new Promise((resolve) => socket.on('close', resolve).resume())
    }
    // Each turn sends the server one request, and it works on meanwhile: the disk may be slow.
    const deadline = Date.now() + LEFT_NOTHING_MS
    while (Date.now() < deadline && !isDeepStrictEqual(registry.inventory(), before))
      await send('GET', '/v2/')
    assert.deepEqual(registry.inventory(), before)
  })

  test('the log tells a download that was broken off from one that was not', async () => {
    const digest = await registry.pushBlob('alice', 'alice/app', Buffer.alloc(16 * 1024 * 1024, 'x'))
    const path = `/v2/alice/app/blobs/${digest}`
    const { hostname, port } = new URL(registry.url)
    const socket = connect({ host: hostname, port: Number(port) })
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${registry.basic('alice')}\r\n\r\n`)
    await once(socket, 'readable')
    socket.destroy()
    let line = registry.findAccessLine(path, 'GET')
    for (; line === undefined; line = registry.findAccessLine(path, 'GET')) await send('GET', '/v2/')
    assert.deepEqual([line.status, line.error], [200, 'CLIENT_GONE'])
    const whole = registry.findAccessLine('/v2/', 'GET') ?? assert.fail('no line')
    assert.deepEqual([whole.status, whole.error], [200, undefined])
  })

  test('a client that vanishes in the middle of a chunk leaves a session that tells what it has', async () => {
    const session = String((await send('POST', '/v2/alice/app/blobs/uploads/')).headers.location)
    const { hostname, port } = new URL(registry.url)
    const socket = connect({ host: hostname, port: Number(port) })
    const head = [`PATCH ${session} HTTP/1.1`, 'Host: x', `Authorization: ${registry.basic('alice')}`]
    socket.write(`${head.join('\r\n')}\r\nContent-Length: 100\r\n\r\nabc`, () => socket.end())
    await new Promise((resolve) => socket.on('close', resolve).resume())
    // The server may still be writing what it got: until then another request is answered with "try later".
    let end: Reply
    do {
      const { headers } = await send('GET', session)
      const rest = headers.range === '0-2' ? 'def' : 'abcdef'
      end = await registry.send('alice', 'PUT', `${session}?digest=${hashContent('abcdef')}`, {
        body: rest,
        headers: { 'content-range': rest === 'def' ? '3-5' : '0-5' },
      })
    } while (end.status === 416)
    assert.equal(end.status, 201, end.text)
    assert.equal((await send('GET', String(end.headers.location))).text, 'abcdef')
  })
})
