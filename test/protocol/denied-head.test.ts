import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { hashContent } from '../../src/oci/digest.ts'
import { RegistryUnderTest } from './registry-under-test.ts'

/** Target of HEAD -> path below the repository, and the status of a denial. */
const PAGES: Readonly<Record<string, readonly [path: string, status: number]>> = {
  // Clients send this before they push a layer, and stop at 403: the push itself gives a better message.
  'a blob': [`blobs/${hashContent('layer')}`, 404],
  'a manifest by tag': ['manifests/v1', 403],
  'a manifest by digest': [`manifests/${hashContent('manifest')}`, 403],
  'a list of tags': ['tags/list', 403],
  referrers: [`referrers/${hashContent('manifest')}`, 403],
}

describe('a denial of HEAD, which has no body', () => {
  let registry: RegistryUnderTest
  before(async () => {
    registry = await RegistryUnderTest.start()
    await registry.pushBlob('alice', 'alice/app', 'layer')
  })
  after(() => registry[Symbol.asyncDispose]())

  for (const [name, [path, expected]] of Object.entries(PAGES)) {
    test(`of ${name}: says in a header where one may pull`, async () => {
      const host = new URL(registry.url).host
      const { status, headers, text } = await registry.send('bob', 'HEAD', `/v2/top/${path}`)
      assert.deepEqual([status, text], [expected, ''])
      const message = `bob has no right to pull from ${host}/top: bob may pull from ${host}/bob/...`
      assert.equal(headers.warning, `299 - "${message}"`)
    })

    test(`of ${name}: is the same for what exists and what does not`, async () => {
      const [held, missing] = await Promise.all(
        ['alice/app', 'alice/none'].map((repository) =>
          registry.send('bob', 'HEAD', `/v2/${repository}/${path}`),
        ),
      )
      assert.deepEqual([held?.status, missing?.status], [expected, expected])
      assert.equal(
        held?.headers.warning,
        missing?.headers.warning?.toString().replace('alice/none', 'alice/app'),
      )
    })
  }

  test('GET has the body and no such header', async () => {
    const reply = await registry.send('bob', 'GET', `/v2/alice/app/blobs/${hashContent('layer')}`)
    assert.deepEqual([reply.status, reply.code, reply.headers.warning], [403, 'DENIED', undefined])
  })

  test('a client without a log-in gets a challenge', async () => {
    const reply = await registry.send(undefined, 'HEAD', `/v2/alice/app/blobs/${hashContent('layer')}`)
    assert.deepEqual([reply.status, reply.headers.warning], [401, undefined])
  })
})
