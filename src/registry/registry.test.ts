import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type HttpSurface,
  openHttpSurface,
  type SurfaceUser,
} from '../../test/support/registry/http-surface.ts'
import { createRemoteRegistry } from '../../test/support/registry/remote-registry.ts'
import { hashContent } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { MEDIA_TYPES } from '../oci/media-type.ts'
import type { Registry } from './registry.ts'

const CONFIG = '{}'
const LAYER = 'the bytes of a layer'
const MANIFEST = JSON.stringify({
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.ociManifest,
  config: {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: hashContent(CONFIG),
    size: CONFIG.length,
  },
  layers: [{ mediaType: 'application/octet-stream', digest: hashContent(LAYER), size: LAYER.length }],
})
const SIGNATURE = JSON.stringify({
  ...JSON.parse(MANIFEST),
  artifactType: 'text/x-signature',
  subject: { mediaType: MEDIA_TYPES.ociManifest, digest: hashContent(MANIFEST), size: MANIFEST.length },
})
const UPLOADS = '/v2/alice/app/blobs/uploads/'

/** Pushes an image of two blobs over HTTP: one blob at once, the other in a session. */
async function pushImage({ send }: HttpSurface): Promise<void> {
  const whole = await send('alice', 'POST', `${UPLOADS}?digest=${hashContent(CONFIG)}`, { body: CONFIG })
  assert.equal(whole.status, 201, whole.text)
  const opened = await send('alice', 'POST', UPLOADS)
  const location = String(opened.headers.location)
  const [first, rest] = [LAYER.slice(0, 5), LAYER.slice(5)]
  const appended = await send('alice', 'PATCH', location, { body: first })
  assert.deepEqual([appended.status, appended.headers.range], [202, '0-4'], appended.text)
  assert.equal((await send('alice', 'GET', location)).headers.range, '0-4')
  const finished = await send('alice', 'PUT', `${location}?digest=${hashContent(LAYER)}`, { body: rest })
  assert.equal(finished.status, 201, finished.text)
  const headers = { 'content-type': MEDIA_TYPES.ociManifest }
  const put = await send('alice', 'PUT', '/v2/alice/app/manifests/v1', { body: MANIFEST, headers })
  assert.deepEqual([put.status, put.headers['docker-content-digest']], [201, hashContent(MANIFEST)], put.text)
}

/** Pulls it again, and checks its referrers. */
async function assertImageIntact({ send }: HttpSurface, user: SurfaceUser = 'alice'): Promise<void> {
  const manifest = await send(user, 'GET', '/v2/alice/app/manifests/v1')
  assert.deepEqual([manifest.status, manifest.text], [200, MANIFEST])
  const layer = `/v2/alice/app/blobs/${hashContent(LAYER)}`
  assert.equal((await send(user, 'HEAD', layer)).headers['content-length'], String(LAYER.length))
  assert.equal((await send(user, 'GET', layer)).text, LAYER)
  const part = await send(user, 'GET', layer, { headers: { range: 'bytes=4-8' } })
  assert.deepEqual([part.status, part.text], [206, LAYER.slice(4, 9)])
  assert.deepEqual((await send(user, 'GET', '/v2/alice/app/tags/list')).json.tags, ['v1'])
}

/** A wrapper around a registry: notes changes, and refuses to delete content tagged `kept`. */
function auditing(registry: Registry, notes: string[]): Registry {
  return {
    ...registry,
    async pushManifest(push) {
      const pushed = await registry.pushManifest(push)
      notes.push(`${push.owner} pushed ${push.repository}:${push.reference}`)
      return pushed
    },
    async deleteManifest(repository, reference) {
      if (reference === 'kept') throw new OciError('DENIED', { message: 'This tag is kept' })
      await registry.deleteManifest(repository, reference)
      notes.push(`deleted ${repository}:${reference}`)
    },
  }
}

test('a wrapper before the registry sees what is changed over HTTP, and can refuse it', async () => {
  const notes: string[] = []
  await using surface = await openHttpSurface({ wrap: (registry) => auditing(registry, notes) })
  await pushImage(surface)
  await assertImageIntact(surface)
  const kept = await surface.send('alice', 'DELETE', '/v2/alice/app/manifests/kept')
  assert.deepEqual([kept.status, kept.code, kept.text.includes('This tag is kept')], [403, 'DENIED', true])
  assert.equal((await surface.send('alice', 'DELETE', '/v2/alice/app/manifests/v1')).status, 202)
  assert.deepEqual(notes, ['alice pushed alice/app:v1', 'deleted alice/app:v1'])
})

test('the HTTP surface serves a registry that is itself reached over HTTP', async () => {
  await using far = await openHttpSurface()
  const remote = createRemoteRegistry({ url: far.url, username: 'admin', password: 'admin' })
  await using near = await openHttpSurface({ wrap: () => remote })
  await pushImage(near)
  await assertImageIntact(near)
  await assertImageIntact(far)

  const signed = await near.send('alice', 'PUT', `/v2/alice/app/manifests/${hashContent(SIGNATURE)}`, {
    body: SIGNATURE,
    headers: { 'content-type': MEDIA_TYPES.ociManifest },
  })
  assert.equal(signed.headers['oci-subject'], hashContent(MANIFEST))
  const referrers = await near.send('alice', 'GET', `/v2/alice/app/referrers/${hashContent(MANIFEST)}`)
  assert.deepEqual(
    (referrers.json.manifests as { digest: string }[]).map(({ digest }) => digest),
    [hashContent(SIGNATURE)],
  )
  assert.deepEqual((await near.send('alice', 'GET', '/v2/_catalog')).json.repositories, ['alice/app'])

  const mount = `/v2/alice/other/blobs/uploads/?mount=${hashContent(LAYER)}&from=alice/app`
  assert.equal((await near.send('alice', 'POST', mount)).status, 201)
  assert.equal((await near.send('bob', 'GET', '/v2/alice/app/manifests/v1')).code, 'DENIED')
  assert.equal((await near.send('alice', 'GET', '/v2/alice/app/manifests/v2')).code, 'MANIFEST_UNKNOWN')
  assert.equal(
    (await near.send('alice', 'GET', `/v2/alice/app/blobs/${hashContent('x')}`)).code,
    'BLOB_UNKNOWN',
  )
  assert.equal((await near.send('alice', 'DELETE', '/v2/alice/app/manifests/v1')).status, 202)
  assert.equal((await far.send('alice', 'GET', '/v2/alice/app/manifests/v1')).status, 404)
  assert.equal((await near.send(undefined, 'GET', '/readyz')).status, 200)
})
