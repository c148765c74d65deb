import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { describeBytes, type RegistryUnderTest, toImage } from '../protocol/registry-under-test.ts'
import { apiEngines } from './api-engines.ts'
import { checkAnswers, type SendChecked } from './checked-answers.ts'

interface Page {
  readonly items: readonly { readonly name: string }[]
  readonly next: string | null
}

/** All entries of a list, read in pages of `limit`. */
async function readAll(send: SendChecked, path: string, limit: number): Promise<string[]> {
  const names: string[] = []
  let cursor: string | null = null
  do {
    const more: string = cursor === null ? '' : `&cursor=${cursor}`
    const page = (await send('alice', 'GET', `${path}limit=${limit}${more}`)).json as unknown as Page
    assert.ok(page.items.length <= limit)
    names.push(...page.items.map(({ name }) => name))
    cursor = page.next
  } while (cursor !== null)
  return names
}

for (const engine of apiEngines()) {
  describe(`content in the API (${engine.name})`, { skip: engine.skip }, () => {
    let registry: RegistryUnderTest
    let send: SendChecked
    const app = '/repositories/alice%2Fapp'

    const push = async (repository: string, layer: string, reference: string): Promise<string> => {
      for (const blob of ['{}', layer]) await registry.pushBlob('alice', repository, blob)
      return registry.pushManifest('alice', repository, { document: toImage([layer]), reference })
    }

    before(async () => {
      registry = await engine.start()
      send = await checkAnswers(registry)
    })
    after(() => registry[Symbol.asyncDispose]())

    test('lists repositories in pages, in each order, without the hidden ones', async () => {
      const names = ['alice/a', 'alice/b', 'alice/c', 'alice/d']
      for (const [index, name] of names.entries()) await push(name, 'x'.repeat(10 * (index + 1)), 'v1')
      for (const blob of ['{}', 'of bob']) await registry.pushBlob('bob', 'bob/secret', blob)
      await registry.pushManifest('bob', 'bob/secret', { document: toImage(['of bob']), reference: 'v1' })
      const all = [...names, 'alice/app'].toSorted()
      for (const limit of [1, 2, 100]) {
        assert.deepEqual(await readAll(send, '/repositories?', limit), all)
        for (const order of ['size', 'pushed', 'pulled']) {
          const found = await readAll(send, `/repositories?order=${order}&`, limit)
          assert.deepEqual(found.toSorted(), all, order)
        }
      }
      const bySize = await readAll(send, '/repositories?order=size&', 1)
      assert.deepEqual(bySize.slice(0, 3), ['alice/d', 'alice/c', 'alice/b'])
      const seen = (await send('admin', 'GET', '/repositories')).json as unknown as Page
      assert.ok(seen.items.some(({ name }) => name === 'bob/secret'))
    })

    test('lists and shows tags, and undoes a push and a deletion', async () => {
      const first = String((await send('alice', 'GET', `${app}/tags/v1`)).json.digest)
      const second = await push('alice/app', 'another layer', 'v1')
      assert.notEqual(first, second)
      assert.deepEqual(await readAll(send, `${app}/tags?`, 1), ['v1'])
      const { json: undone } = await send('alice', 'POST', `${app}/tags/v1/restore`, {})
      assert.equal(undone.digest, first)
      assert.equal((await send('alice', 'DELETE', `${app}/tags/v1`)).status, 204)
      assert.equal((await send('alice', 'GET', `${app}/tags/v1`)).json.code, 'MANIFEST_UNKNOWN')
      assert.equal((await send('alice', 'DELETE', `${app}/tags/v1`)).json.code, 'MANIFEST_UNKNOWN')
      const back = await send('alice', 'POST', `${app}/tags/v1/restore`, { digest: second })
      assert.equal(back.json.digest, second)
      const { items } = (await send('alice', 'GET', `${app}/tags/v1/history`)).json as {
        items: { digest: string; by: string; until: string | null }[]
      }
      assert.deepEqual(
        items.map(({ digest, by }) => [digest, by]),
        [second, first, second, first].map((digest) => [digest, 'alice']),
      )
      assert.deepEqual(
        items.map(({ until }) => until === null),
        [true, false, false, false],
      )
      const never = await send('alice', 'POST', `${app}/tags/v1/restore`, {
        digest: `sha256:${'0'.repeat(64)}`,
      })
      assert.deepEqual([never.status, never.json.code], [404, 'CONTENT_GONE'])
    })

    test('shows an image with its parts and its referrers, and is no pull', async () => {
      const digest = await push('alice/signed', 'a layer to sign', 'v1')
      const subject = { ...describeBytes('application/vnd.oci.image.manifest.v1+json', ''), digest, size: 1 }
      const stored = await registry.send('alice', 'GET', `/v2/alice/signed/manifests/${digest}`)
      const document = toImage(['a layer to sign'], {
        subject: { ...subject, size: stored.body.length },
        artifactType: 'application/vnd.example.signature',
      })
      await registry.pushManifest('alice', 'alice/signed', { document })
      const reply = await send('alice', 'GET', '/repositories/alice%2Fsigned/manifests/v1')
      const image = reply.json as {
        digest: string
        sizeBytes: number
        manifestSizeBytes: number
        layers: object[]
        referrers: { artifactType: string }[]
      }
      assert.deepEqual([image.digest, image.manifestSizeBytes], [digest, stored.body.length])
      assert.equal(image.layers.length, 1)
      assert.deepEqual(
        image.referrers.map(({ artifactType }) => artifactType),
        ['application/vnd.example.signature'],
      )
      assert.ok(image.sizeBytes > image.manifestSizeBytes)
      const same = await send(
        'alice',
        'GET',
        `/repositories/alice%2Fsigned/manifests/${encodeURIComponent(digest)}`,
      )
      assert.equal(same.text, reply.text)
      const { etag } = reply.headers
      const again = await registry.send('alice', 'GET', '/api/v1/repositories/alice%2Fsigned/manifests/v1', {
        headers: { 'if-none-match': etag },
      })
      assert.deepEqual([again.status, again.text], [304, ''])
      const byTag = await send('alice', 'DELETE', '/repositories/alice%2Fsigned/manifests/v1')
      assert.deepEqual([byTag.status, byTag.json.code], [400, 'DIGEST_INVALID'])
    })

    test('an index has its images with their platforms', async () => {
      const child = await push('alice/multi', 'for arm', 'arm')
      const size = (await registry.send('alice', 'GET', '/v2/alice/multi/manifests/arm')).body.length
      const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' }
      const mediaType = 'application/vnd.oci.image.manifest.v1+json'
      const index = {
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.index.v1+json',
        manifests: [{ mediaType, digest: child, size, platform }],
      }
      await registry.pushManifest('alice', 'alice/multi', { document: index, reference: 'all' })
      const { json } = await send('alice', 'GET', '/repositories/alice%2Fmulti/manifests/all')
      assert.deepEqual(json.images, [
        { digest: child, mediaType, sizeBytes: size, platform: 'linux/arm64/v8', artifactType: null },
      ])
      const used = await send(
        'alice',
        'DELETE',
        `/repositories/alice%2Fmulti/manifests/${encodeURIComponent(child)}`,
      )
      assert.deepEqual([used.status, used.json.code], [405, 'MANIFEST_IN_USE'])
    })

    test('deletes and restores manifests and repositories, by their owner and from the trash', async () => {
      const digest = await push('alice/gone', 'soon gone', 'v1')
      const gone = '/repositories/alice%2Fgone'
      const manifest = `${gone}/manifests/${encodeURIComponent(digest)}`
      assert.equal((await send('alice', 'DELETE', manifest)).status, 204)
      assert.equal((await send('alice', 'GET', manifest)).status, 404)
      assert.equal((await send('alice', 'POST', `${manifest}/restore`)).status, 204)
      assert.equal((await send('alice', 'GET', `${gone}/tags/v1`)).json.digest, digest)
      assert.equal((await send('alice', 'POST', `${manifest}/restore`)).json.code, 'CONTENT_GONE')
      assert.equal((await send('alice', 'DELETE', gone)).status, 204)
      assert.equal((await send('alice', 'DELETE', gone)).json.code, 'NAME_UNKNOWN')
      const { items } = (await send('admin', 'GET', '/trash')).json as { items: Record<string, unknown>[] }
      assert.deepEqual([items[0]?.repository, items[0]?.digest, items[0]?.by], ['alice/gone', null, 'alice'])
      const both = { repository: 'alice/gone', digest, as: 'alice/old' }
      assert.equal((await send('admin', 'POST', '/trash/restore', both)).json.code, 'BODY_INVALID')
      const taken = { repository: 'alice/gone', as: 'alice/app' }
      assert.equal((await send('admin', 'POST', '/trash/restore', taken)).json.code, 'REPOSITORY_EXISTS')
      const renamed = { repository: 'alice/gone', as: 'alice/old' }
      assert.equal((await send('admin', 'POST', '/trash/restore', renamed)).status, 204)
      assert.equal((await send('alice', 'GET', '/repositories/alice%2Fold/tags/v1')).json.digest, digest)
      assert.equal((await send('alice', 'DELETE', '/repositories/alice%2Fold')).status, 204)
      assert.equal((await send('alice', 'POST', '/repositories/alice%2Fold/restore')).status, 204)
      assert.equal((await send('alice', 'DELETE', '/repositories/alice%2Fold')).status, 204)
      assert.equal((await send('admin', 'DELETE', '/trash')).json.emptied, 1)
    })

    test('changes nothing while the registry is read-only, and says why', async () => {
      await registry.manage(async ({ switches }) => {
        await switches.turnOn('read-only', { reason: 'a new disk' })
      })
      const refused = await send('alice', 'DELETE', app)
      assert.deepEqual([refused.status, refused.json.code], [405, 'UNSUPPORTED'])
      assert.match(String(refused.json.detail), /a new disk/)
      assert.equal((await send('alice', 'GET', app)).status, 200)
      await registry.manage(async ({ switches }) => {
        await switches.turnOff('read-only')
      })
    })
  })
}
