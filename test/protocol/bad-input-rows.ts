import { hashContent } from '../../src/oci/digest.ts'
import { MEDIA_TYPES } from '../../src/oci/media-type.ts'
import type { RequestOptions } from './connection.ts'
import { toImage, type User } from './registry-under-test.ts'

/** A request that is refused; `{upload}` in the path is a fresh session of alice. */
export interface Row extends RequestOptions {
  readonly name: string
  readonly as?: User
  readonly method: string
  readonly path: string
  readonly status: number
  readonly code: string
  readonly answers?: Readonly<Record<string, string>>
  /** Present if the refusal ends the session it was sent to. */
  readonly endsSession?: true
}

const HEX = 'a'.repeat(64)
/** A digest without content. */
export const ABSENT: string = `sha256:${HEX}`
/** The layer of {@link IMAGE}. */
export const LAYER: string = 'a layer'
const OCI = { 'content-type': MEDIA_TYPES.ociManifest }
/** Path at which uploads of alice begin. */
export const UPLOADS: string = '/v2/alice/app/blobs/uploads/'
/** The image that is there, as `v1`, before each request and after it. */
export const IMAGE: Record<string, unknown> = toImage([LAYER])
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
    '/v2/alice%252fapp/tags/list',
    '/v2/alice%2f%2Fapp/tags/list',
    '/v2/alice%2f..%2fbob/app/tags/list',
    '/v2/..%2fbob/app/tags/list',
    '/v2/%2falice/app/tags/list',
    '/v2/alice/app%2f/tags/list',
    '/v2/alice%5capp/tags/list',
    '/v2/alice/app/manifests/a%2fb',
    '/v2/alice/app/blobs/uploads/a%2fb',
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
  row('an end out of order', 'PUT', `{upload}?digest=${hashContent('xyz')}`, 416, 'RANGE_INVALID', {
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
  manifestRow('naming absent blobs', toImage(['absent']), 'MANIFEST_BLOB_UNKNOWN', { status: 404 }),
  manifestRow('of an index naming absent manifests', makeIndex(ABSENT), 'MANIFEST_BLOB_UNKNOWN', {
    status: 404,
    headers: { 'content-type': MEDIA_TYPES.ociIndex },
  }),
  manifestRow('under the digest of another', IMAGE, 'DIGEST_INVALID', {
    path: `/v2/alice/app/manifests/${ABSENT}`,
  }),
  manifestRow('both image and index', { ...IMAGE, manifests: [] }, 'MANIFEST_INVALID'),
  manifestRow('both index and image', { ...makeIndex(ABSENT), layers: [] }, 'MANIFEST_INVALID', {
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
  // Go reads no number with a point or an exponent as a whole one, so that its clients could never pull these.
  ...['1e400', '9007199254740993', '-1', '1.5', '2.0', '2e0', '0.2E+1', '"7"', 'null'].map((size) =>
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

/** Every request that is refused. */
export const BAD_INPUT: readonly Row[] = [
  ...DIGESTS,
  ...NAMES,
  ...REFERENCES,
  ...PAGES,
  ...UPLOADS_ROWS,
  ...MANIFESTS,
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

function makeIndex(digest: string): Record<string, unknown> {
  const child = { mediaType: MEDIA_TYPES.ociManifest, digest, size: 2 }
  return { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [child] }
}
