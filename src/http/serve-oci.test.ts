import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type HttpSurface, openHttpSurface } from '../../test/support/registry/http-surface.ts'
import { hashContent } from '../oci/digest.ts'
import type { OciRequestKind } from '../oci/request.ts'

const DIGEST = hashContent('x')
const SESSION = 'blobs/uploads/AAAAAAAAAAAAAAAAAAAAAA'

/** Kind of request about a repository -> a request of it, and the actions that its token needs. */
const ABOUT_REPOSITORY: Readonly<
  Record<
    Exclude<OciRequestKind, 'ping' | 'catalog'>,
    readonly [method: string, path: string, actions: string]
  >
> = {
  'tag-list': ['GET', 'tags/list', 'pull'],
  'referrer-list': ['GET', `referrers/${DIGEST}`, 'pull'],
  'blob-get': ['GET', `blobs/${DIGEST}`, 'pull'],
  'blob-delete': ['DELETE', `blobs/${DIGEST}`, 'delete'],
  'manifest-get': ['GET', 'manifests/v1', 'pull'],
  'manifest-put': ['PUT', 'manifests/v1', 'pull,push'],
  'manifest-delete': ['DELETE', 'manifests/v1', 'delete'],
  'blob-upload-start': ['POST', 'blobs/uploads/', 'pull,push'],
  'blob-upload-status': ['GET', SESSION, 'pull,push'],
  'blob-upload-append': ['PATCH', SESSION, 'pull,push'],
  'blob-upload-finish': ['PUT', `${SESSION}?digest=${DIGEST}`, 'pull,push'],
  'blob-upload-cancel': ['DELETE', SESSION, 'pull,push'],
}

let surface: HttpSurface
before(async () => {
  surface = await openHttpSurface()
})
after(() => surface[Symbol.asyncDispose]())

for (const [kind, [method, path, actions]] of Object.entries(ABOUT_REPOSITORY)) {
  test(`${kind}: nobody gets in without a log-in, and nobody into another's repository`, async () => {
    const anonymous = await surface.send(undefined, method, `/v2/alice/app/${path}`)
    assert.deepEqual([anonymous.status, anonymous.code], [401, 'UNAUTHORIZED'])
    const challenge = String(anonymous.headers['www-authenticate'])
    assert.match(challenge, new RegExp(`^Bearer realm="${surface.url}/token",service="[^"]+",scope="`))
    assert.ok(challenge.includes(`scope="repository:alice/app:${actions}"`), challenge)
    const other = await surface.send('bob', method, `/v2/alice/app/${path}`)
    assert.deepEqual([other.status, other.code], [403, 'DENIED'])
    assert.match(other.text, /bob has no right to .*alice\/app: bob may .*bob\/\.\.\./)
    const owner = await surface.send('alice', method, `/v2/alice/app/${path}`)
    assert.ok(![401, 403].includes(owner.status), owner.text)
  })
}

test('HEAD of a denied blob is answered like one of an unknown blob, with a warning', async () => {
  const reply = await surface.send('bob', 'HEAD', `/v2/alice/app/blobs/${DIGEST}`)
  assert.equal(reply.status, 404)
  assert.match(String(reply.headers.warning), /^299 - "bob has no right to pull from /)
  assert.equal((await surface.send('bob', 'HEAD', '/v2/alice/app/manifests/v1')).status, 403)
})

test('a mount needs the right to pull from its source, and a challenge names it', async () => {
  const path = `/v2/alice/app/blobs/uploads/?mount=${DIGEST}&from=bob/app`
  const reply = await surface.send(undefined, 'POST', path)
  assert.match(String(reply.headers['www-authenticate']), /alice\/app:pull,push repository:bob\/app:pull"/)
})

test('wrong credentials are refused as such, also where none are needed', async () => {
  for (const [authorization, error] of [
    ['Bearer forged', 'error="invalid_token"'],
    [`Basic ${Buffer.from('alice:wrong').toString('base64')}`, undefined],
    ['Digest x', undefined],
  ] as const) {
    const reply = await surface.send(undefined, 'GET', '/v2/', { headers: { authorization } })
    assert.deepEqual([reply.status, reply.code], [401, 'UNAUTHORIZED'])
    assert.equal(String(reply.headers['www-authenticate']).includes('error='), error !== undefined)
  }
})
