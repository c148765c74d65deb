import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { formatManifest } from '../../../test/support/memory/registry-room.ts'
import { type HttpSurface, openHttpSurface } from '../../../test/support/registry/http-surface.ts'
import { hashContent } from '../../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../../oci/manifest.ts'
import { MEDIA_TYPES } from '../../oci/media-type.ts'

const TYPE = { 'content-type': MEDIA_TYPES.ociManifest }
const IMAGE = formatManifest()
const DIGEST = hashContent(IMAGE)

let surface: HttpSurface
before(async () => {
  surface = await openHttpSurface()
  await surface.send('alice', 'POST', `/v2/alice/app/blobs/uploads/?digest=${hashContent('{}')}`, {
    body: '{}',
  })
  const reply = await put('v1', IMAGE)
  assert.equal(reply.status, 201, reply.text)
  assert.equal(reply.headers.location, `/v2/alice/app/manifests/${DIGEST}`)
  assert.equal(reply.headers['docker-content-digest'], DIGEST)
})
after(() => surface[Symbol.asyncDispose]())

function put(reference: string, body: Buffer | string, headers: Record<string, string> = TYPE) {
  return surface.send('alice', 'PUT', `/v2/alice/app/manifests/${reference}`, { body, headers })
}

test('GET gives the bytes as they were pushed, by tag and by digest, whatever Accept says', async () => {
  for (const reference of ['v1', DIGEST]) {
    const path = `/v2/alice/app/manifests/${reference}`
    const reply = await surface.send('alice', 'GET', path, { headers: { accept: 'application/json' } })
    assert.deepEqual([reply.status, reply.text], [200, String(IMAGE)])
    assert.equal(reply.headers['content-type'], TYPE['content-type'])
    assert.equal(reply.headers.etag, `"${DIGEST}"`)
    assert.equal(reply.headers['cache-control'], 'private, no-cache')
    const headers = { 'if-none-match': `"${DIGEST}"` }
    assert.equal((await surface.send('alice', 'GET', path, { headers })).status, 304)
    const head = await surface.send('alice', 'HEAD', path)
    assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, `${IMAGE.length}`, ''])
  }
})

test('tags of the request are set with it, and a subject is named', async () => {
  const child = formatManifest({ subject: IMAGE, artifactType: 'application/x' })
  const reply = await put(`${hashContent(child)}?tag=a&tag=b`, child)
  assert.equal(reply.status, 201, reply.text)
  assert.deepEqual([reply.headers['oci-tag'], reply.headers['oci-subject']], ['a, b', DIGEST])
  const list = await surface.send('alice', 'GET', '/v2/alice/app/tags/list')
  assert.deepEqual(list.json, { name: 'alice/app', tags: ['a', 'b', 'v1'] })
})

/** Faults of a push: reference and body, and the answer. */
const REFUSED: readonly (readonly [
  what: string,
  reference: string,
  body: string,
  status: number,
  code: string,
])[] = [
  ['no JSON', 'v2', '{', 400, 'MANIFEST_INVALID'],
  ['another digest', hashContent('x'), String(IMAGE), 400, 'DIGEST_INVALID'],
  ['an unknown layer', 'v2', String(formatManifest({ layers: ['unknown'] })), 404, 'MANIFEST_BLOB_UNKNOWN'],
  ['too many bytes', 'v2', ' '.repeat(MAX_MANIFEST_BYTES + 1), 413, 'MANIFEST_INVALID'],
]

for (const [what, reference, body, status, code] of REFUSED) {
  test(`a manifest with ${what} is refused`, async () => {
    const reply = await put(reference, body)
    assert.deepEqual([reply.status, reply.code], [status, code], reply.text)
  })
}

test('a deleted tag is gone, and what it named is not', async () => {
  await put('gone', IMAGE)
  assert.equal((await surface.send('alice', 'DELETE', '/v2/alice/app/manifests/gone')).status, 202)
  const reply = await surface.send('alice', 'GET', '/v2/alice/app/manifests/gone')
  assert.deepEqual([reply.status, reply.code], [404, 'MANIFEST_UNKNOWN'])
  assert.equal((await surface.send('alice', 'GET', `/v2/alice/app/manifests/${DIGEST}`)).status, 200)
})

test('referrers come as an index, filtered where the client says so', async () => {
  const path = `/v2/alice/app/referrers/${DIGEST}`
  const all = await surface.send('alice', 'GET', path)
  assert.deepEqual([all.status, all.headers['content-type']], [200, MEDIA_TYPES.ociIndex])
  assert.equal((all.json.manifests as unknown[]).length, 1)
  const none = await surface.send('alice', 'GET', `${path}?artifactType=application/y`)
  assert.deepEqual([none.json.manifests, none.headers['oci-filters-applied']], [[], 'artifactType'])
})

test('lists go on where a page ends', async () => {
  const first = await surface.send('alice', 'GET', '/v2/alice/app/tags/list?n=1')
  assert.deepEqual(first.json.tags, ['a'])
  assert.equal(first.headers.link, '</v2/alice/app/tags/list?n=1&last=a>; rel="next"')
  const catalog = await surface.send('bob', 'GET', '/v2/_catalog')
  assert.deepEqual(catalog.json, { repositories: [] })
  assert.deepEqual((await surface.send('alice', 'GET', '/v2/_catalog')).json, { repositories: ['alice/app'] })
})

test('a label for the time after which an image expires is named in a warning if it is no duration', async () => {
  for (const [value, warning] of [
    ['3d', undefined],
    [
      '3 "days"\n',
      '299 - "The label berth.expires-after=3 ?days?? is no duration such as 12h or 3d: it does not count"',
    ],
  ] as const) {
    const manifest = JSON.parse(String(formatManifest()))
    const labelled = { ...manifest, annotations: { 'berth.expires-after': value } }
    const reply = await put('labelled', JSON.stringify(labelled))
    assert.deepEqual([reply.status, reply.headers.warning], [201, warning], reply.text)
  }
})
