import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { digestOf } from '../../src/oci/digest.ts'
import { MEDIA_TYPES } from '../../src/oci/media-type.ts'
import type { RequestOptions } from './connection.ts'
import { describeBytes, EMPTY_JSON, imageOf, RegistryUnderTest, type User } from './registry-under-test.ts'

/** A request that is refused; `{upload}` in the path is a fresh session of alice. */
interface Row extends RequestOptions {
  readonly name: string
  readonly as?: User
  readonly method: string
  readonly path: string
  readonly status: number
  readonly code: string
  readonly answers?: Readonly<Record<string, string>>
  /** The refusal ends the session it was sent to. */
  readonly endsSession?: true
}

const HEX = 'a'.repeat(64)
const ABSENT = `sha256:${HEX}`
const LAYER = 'a layer'
const OCI = { 'content-type': MEDIA_TYPES.ociManifest }
const UPLOADS = '/v2/alice/app/blobs/uploads/'
const IMAGE = imageOf([LAYER])
const DEEP = 100_000

const DIGESTS: readonly Row[] = [
  'sha256:abc',
  `sha256:${HEX.toUpperCase()}`,
  `md5:${HEX}`,
  `sha512:${HEX}`,
  `sha256:${HEX}a`,
  'sha256:',
  ':',
  'latest',
].flatMap((digest) => [
  row(`GET of the blob ${digest}`, 'GET', `/v2/alice/app/blobs/${digest}`, 400, 'DIGEST_INVALID'),
  row(`POST of the blob ${digest}`, 'POST', `${UPLOADS}?digest=${digest}`, 400, 'DIGEST_INVALID', {
    body: 'x',
  }),
  row(`mount of ${digest}`, 'POST', `${UPLOADS}?mount=${digest}`, 400, 'DIGEST_INVALID'),
  row(`end of an upload as ${digest}`, 'PUT', `{upload}?digest=${digest}`, 400, 'DIGEST_INVALID', {
    body: 'x',
  }),
  row(`referrers of ${digest}`, 'GET', `/v2/alice/app/referrers/${digest}`, 400, 'DIGEST_INVALID'),
])

const NAMES: readonly Row[] = [
  'Alice/app',
  'alice/app-',
  'alice/.app',
  'alice/a___b',
  `alice/${'x'.repeat(250)}`,
  '-',
]
  .map((name) => `/v2/${name}/tags/list`)
  .concat([
    '/v2/alice%2fapp/tags/list',
    '/v2/alice%2Fapp/tags/list',
    '/v2/alice/../bob/tags/list',
    '/v2/alice/./app/tags/list',
    '/v2/alice/%2e%2e/bob/tags/list',
    '/v2/alice//app/tags/list',
    '/v2//alice/app/tags/list',
    '/v2/alice\\app/tags/list',
    '/v2/alice/app%00/tags/list',
    '/v2/alice/app%20/tags/list',
    '/v2/../token',
    '/v2/alice/app/manifests/..',
    '/v2/alice/app/manifests/v1%2f',
    `/v2/${'a/'.repeat(3000)}tags/list`,
    `/v2/${'a'.repeat(7000)}/tags/list`,
  ])
  .map((path) => row(`the path ${path.slice(0, 60)}`, 'GET', path, 400, 'NAME_INVALID'))

const REFERENCES: readonly Row[] = ['.v1', '-v1', 'v1+x', 't'.repeat(129), 'a,b', "v1'", '~']
  .map((tag) =>
    row(`the tag ${tag.slice(0, 20)}`, 'GET', `/v2/alice/app/manifests/${tag}`, 400, 'TAG_INVALID'),
  )
  .concat([
    row('a digest reference cut short', 'GET', '/v2/alice/app/manifests/sha256:ab', 400, 'DIGEST_INVALID'),
    manifestRow('a bad ?tag=', IMAGE, 'TAG_INVALID', { path: `/v2/alice/app/manifests/v1?tag=.x` }),
    row('an unknown page', 'GET', '/v2/alice/app/nothing/here', 404, 'NOT_FOUND'),
    row('a list of tags without a name', 'GET', '/v2/tags/list', 404, 'NOT_FOUND'),
    row(
      'a target over 8 KiB',
      'GET',
      `/v2/alice/app/tags/list?last=${'x'.repeat(9000)}`,
      414,
      'REQUEST_INVALID',
    ),
    row('a method nobody has', 'POST', '/v2/alice/app/tags/list', 405, 'UNSUPPORTED', {
      answers: { allow: 'GET, HEAD' },
    }),
  ])

const PAGES: readonly Row[] = ['-1', 'abc', '', '1.5', '1e3', '0x10', '+1', '%201'].flatMap((n) =>
  [`/v2/_catalog?n=${n}`, `/v2/alice/app/tags/list?n=${n}`, `/v2/alice/app/referrers/${ABSENT}?n=${n}`].map(
    (path) => row(`n=${n} of ${path.slice(0, 24)}`, 'GET', path, 400, 'PAGINATION_NUMBER_INVALID'),
  ),
)

const UPLOADS_ROWS: readonly Row[] = [
  row('whole blob with another digest', 'POST', `${UPLOADS}?digest=${ABSENT}`, 400, 'DIGEST_INVALID', {
    body: 'other bytes',
  }),
  row(
    'whole blob in pieces with another digest',
    'POST',
    `${UPLOADS}?digest=${ABSENT}`,
    400,
    'DIGEST_INVALID',
    {
      body: 'other bytes',
      chunked: true,
    },
  ),
  row('PUT with another digest', 'PUT', `{upload}?digest=${ABSENT}`, 400, 'DIGEST_INVALID', {
    body: 'other bytes',
    endsSession: true,
  }),
  row('PUT without a digest', 'PUT', '{upload}', 400, 'DIGEST_INVALID', { body: 'x' }),
  row('a Content-Range that is none', 'PATCH', '{upload}', 416, 'RANGE_INVALID', {
    body: 'xyz',
    headers: { 'content-range': 'pages 1-2' },
  }),
  row('a Content-Range backwards', 'PATCH', '{upload}', 416, 'RANGE_INVALID', {
    body: 'xyz',
    headers: { 'content-range': '5-2' },
  }),
  row('a Content-Range of huge numbers', 'PATCH', '{upload}', 416, 'RANGE_INVALID', {
    body: 'xyz',
    headers: { 'content-range': `0-${'9'.repeat(40)}` },
  }),
  row('a first chunk that begins later', 'PATCH', '{upload}', 416, 'RANGE_INVALID', {
    body: 'xyz',
    headers: { 'content-range': '10-12' },
  }),
  row('an end out of order', 'PUT', `{upload}?digest=${digestOf('xyz')}`, 416, 'RANGE_INVALID', {
    body: 'xyz',
    headers: { 'content-range': '10-12' },
  }),
  row('Content-Length unlike Content-Range', 'PATCH', '{upload}', 400, 'SIZE_INVALID', {
    body: 'xyz',
    headers: { 'content-range': '0-9' },
  }),
  row('a streamed body unlike Content-Range', 'PATCH', '{upload}', 400, 'SIZE_INVALID', {
    body: 'xyz',
    chunked: true,
    headers: { 'content-range': '0-9' },
  }),
  row('a form instead of bytes', 'PATCH', '{upload}', 400, 'BLOB_UPLOAD_INVALID', {
    body: 'xyz',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
  }),
  row('an algorithm nobody has', 'POST', `${UPLOADS}?digest-algorithm=md5`, 400, 'DIGEST_INVALID'),
  row('a session that never was', 'GET', `${UPLOADS}${'A'.repeat(22)}`, 404, 'BLOB_UPLOAD_UNKNOWN'),
  row('a session id that is none', 'PATCH', `${UPLOADS}x`, 404, 'BLOB_UPLOAD_UNKNOWN', { body: 'x' }),
]

const MANIFESTS: readonly Row[] = [
  manifestRow('over 4 MiB', 'x'.repeat(4 * 1024 * 1024 + 1), 'MANIFEST_INVALID', { status: 413 }),
  manifestRow('over 4 MiB, in pieces', 'x'.repeat(4 * 1024 * 1024 + 1), 'MANIFEST_INVALID', {
    status: 413,
    chunked: true,
  }),
  manifestRow('naming absent blobs', imageOf(['absent']), 'MANIFEST_BLOB_UNKNOWN', { status: 404 }),
  manifestRow('of an index naming absent manifests', indexOf(ABSENT), 'MANIFEST_BLOB_UNKNOWN', {
    status: 404,
    headers: { 'content-type': MEDIA_TYPES.ociIndex },
  }),
  manifestRow('under the digest of another', IMAGE, 'DIGEST_INVALID', {
    path: `/v2/alice/app/manifests/${ABSENT}`,
  }),
  manifestRow('both image and index', { ...IMAGE, manifests: [] }, 'MANIFEST_INVALID'),
  manifestRow('both index and image', { ...indexOf(ABSENT), layers: [] }, 'MANIFEST_INVALID', {
    headers: { 'content-type': MEDIA_TYPES.ociIndex },
  }),
  manifestRow('with another Content-Type', IMAGE, 'MANIFEST_INVALID', {
    headers: { 'content-type': MEDIA_TYPES.dockerManifest },
  }),
  manifestRow('of a type nobody knows', { ...IMAGE, mediaType: 'text/plain' }, 'MANIFEST_INVALID', {
    headers: { 'content-type': 'text/plain' },
  }),
  manifestRow('with a member twice', JSON.stringify(IMAGE).replace('{', '{"layers":[],'), 'MANIFEST_INVALID'),
  manifestRow(
    'with a member twice, once escaped',
    JSON.stringify(IMAGE).replace('{', '{"l\\u0061yers":[],'),
    'MANIFEST_INVALID',
  ),
  manifestRow('with a byte-order mark', `\uFEFF${JSON.stringify(IMAGE)}`, 'MANIFEST_INVALID'),
  manifestRow('nested deeply', `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`, 'MANIFEST_INVALID'),
  manifestRow('cut short', JSON.stringify(IMAGE).slice(0, -1), 'MANIFEST_INVALID'),
  manifestRow('not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'MANIFEST_INVALID'),
  manifestRow('that is empty', '', 'MANIFEST_INVALID'),
  manifestRow('that is a list', '[]', 'MANIFEST_INVALID'),
  manifestRow('of another schema', { ...IMAGE, schemaVersion: 1 }, 'MANIFEST_INVALID'),
  ...['1e400', '9007199254740993', '-1', '1.5', '"7"', 'null'].map((size) =>
    manifestRow(
      `with a size of ${size}`,
      JSON.stringify(IMAGE).replace(/"size":\d+/, `"size":${size}`),
      'MANIFEST_INVALID',
    ),
  ),
  manifestRow(
    'with a digest that is none',
    JSON.stringify(IMAGE).replace(/sha256:/, 'md5:'),
    'MANIFEST_INVALID',
  ),
  manifestRow('with layers that are no list', { ...IMAGE, layers: {} }, 'MANIFEST_INVALID'),
]

function row(
  name: string,
  method: string,
  path: string,
  status: number,
  code: string,
  more: Partial<Row> = {},
): Row {
  return { name, method, path, status, code, ...more }
}

function manifestRow(
  name: string,
  document: Uint8Array | string | Record<string, unknown>,
  code: string,
  more: Partial<Row> = {},
): Row {
  const isBytes = typeof document === 'string' || document instanceof Uint8Array
  const body = isBytes ? document : JSON.stringify(document)
  return row(`a manifest ${name}`, 'PUT', '/v2/alice/app/manifests/v9', 400, code, {
    body,
    headers: OCI,
    ...more,
  })
}

function indexOf(digest: string): Record<string, unknown> {
  const child = { mediaType: MEDIA_TYPES.ociManifest, digest, size: 2 }
  return { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [child] }
}

describe('bad input gets a clear error, and nothing is left or lost', () => {
  let registry: RegistryUnderTest

  before(async () => {
    registry = await RegistryUnderTest.start()
    await registry.pushBlob('alice', 'alice/app', EMPTY_JSON)
    await registry.pushBlob('alice', 'alice/app', LAYER)
    await registry.pushManifest('alice', 'alice/app', { document: IMAGE, reference: 'v1' })
  })
  after(() => registry[Symbol.asyncDispose]())

  for (const wanted of [...DIGESTS, ...NAMES, ...REFERENCES, ...PAGES, ...UPLOADS_ROWS, ...MANIFESTS]) {
    test(`${wanted.method} ${wanted.name} is ${wanted.status} ${wanted.code}`, () => check(wanted))
  }

  async function check(wanted: Row): Promise<void> {
    using connection = registry.connect(wanted.as ?? 'alice')
    const usesSession = wanted.path.startsWith('{upload}')
    const session = usesSession ? String((await connection.send('POST', UPLOADS)).headers.location) : ''
    const before = registry.inventory()
    const reply = await connection.send(wanted.method, wanted.path.replace('{upload}', session), wanted)
    assert.equal(reply.status, wanted.status, reply.text)
    assert.equal(reply.code, wanted.code, reply.text)
    assert.equal(reply.headers['content-type'], 'application/json')
    for (const [name, value] of Object.entries(wanted.answers ?? {})) assert.equal(reply.headers[name], value)
    const [error] = reply.json.errors as { message: unknown }[]
    assert.equal(typeof error?.message, 'string')
    if (usesSession) await checkSession(wanted, session)
    assert.deepEqual(registry.inventory(), { ...before, uploads: before.uploads - (usesSession ? 1 : 0) })
    const next = await connection.send('GET', '/v2/')
    assert.equal(next.status, 200)
    assert.equal(next.localPort, reply.localPort, 'the connection was used again')
    assert.equal((await connection.send('GET', '/v2/alice/app/manifests/v1')).text, JSON.stringify(IMAGE))
  }

  /** A session that was refused something goes on where it was, unless the refusal ended it. */
  async function checkSession({ endsSession }: Row, session: string): Promise<void> {
    const status = await registry.send('alice', 'GET', session)
    assert.equal(status.status, endsSession ? 404 : 204)
    if (endsSession) return
    assert.equal(status.headers.range, '0-0')
    assert.equal((await registry.send('alice', 'DELETE', session)).status, 204)
  }

  test('numbers of results beyond every bound are taken as the bound', async () => {
    for (const n of ['1000000000', String(2n ** 63n), '9'.repeat(30)]) {
      const reply = await registry.send('alice', 'GET', `/v2/alice/app/tags/list?n=${n}`)
      assert.deepEqual([reply.status, reply.json.tags], [200, ['v1']])
    }
    const none = await registry.send('alice', 'GET', '/v2/alice/app/tags/list?n=0')
    assert.deepEqual([none.status, none.json.tags, none.headers.link], [200, [], undefined])
  })

  test('a legal manifest of 3.9 MB passes, and comes back as it was sent', async () => {
    const document = imageOf([LAYER], { annotations: { filling: 'x'.repeat(3_900_000) } })
    const digest = await registry.pushManifest('alice', 'alice/app', { document, reference: 'large' })
    const reply = await registry.send('alice', 'GET', `/v2/alice/app/manifests/${digest}`)
    assert.equal(digestOf(reply.body), digest)
    assert.equal((await registry.send('alice', 'DELETE', `/v2/alice/app/manifests/${digest}`)).status, 202)
  })

  test('an error of HEAD has the headers of that of GET, and no body', async () => {
    for (const path of [
      `/v2/alice/app/blobs/${ABSENT}`,
      '/v2/alice/app/manifests/none',
      '/v2/Alice/tags/list',
    ]) {
      const [get, head] = [
        await registry.send('alice', 'GET', path),
        await registry.send('alice', 'HEAD', path),
      ]
      assert.equal(head.status, get.status)
      assert.equal(head.text, '')
      assert.equal(head.headers['content-length'], get.headers['content-length'])
      assert.equal(head.headers['content-type'], 'application/json')
    }
  })

  test('a chunk out of order leaves the session where it was, and it can be ended', async () => {
    using connection = registry.connect('alice')
    const session = String((await connection.send('POST', UPLOADS)).headers.location)
    const chunk = (body: string, range: string) =>
      connection.send('PATCH', session, { body, headers: { 'content-range': range } })
    assert.equal((await chunk('abc', '0-2')).status, 202)
    for (const [body, range] of [
      ['abc', '0-2'],
      ['ghi', '6-8'],
      ['cd', '2-3'],
    ] as const) {
      assert.equal((await chunk(body, range)).code, 'RANGE_INVALID')
      const status = await connection.send('GET', session)
      assert.deepEqual([status.status, status.headers.range], [204, '0-2'])
    }
    const lie = await connection.send('PATCH', session, {
      body: 'defghi',
      chunked: true,
      headers: { 'content-range': '3-4' },
    })
    assert.equal(lie.code, 'SIZE_INVALID')
    const end = await connection.send('PUT', `${session}?digest=${digestOf('abcdef')}`, {
      body: 'def',
      headers: { 'content-range': '3-5' },
    })
    assert.equal(end.status, 201, end.text)
    assert.equal((await connection.send('GET', String(end.headers.location))).text, 'abcdef')
    assert.equal((await connection.send('GET', session)).status, 404)
  })

  test('what is wrong in one descriptor is told, and the types of images and blobs do not matter', async () => {
    const document = imageOf([], { artifactType: 'x/y', layers: [describeBytes('any/thing', LAYER)] })
    await registry.pushManifest('alice', 'alice/app', { document })
  })
})
