import assert from 'node:assert/strict'
import { test } from 'node:test'
import { APP, OTHER, openRegistry, pushText } from '../../test/support/open-registry.ts'
import { digestOf } from '../oci/digest.ts'
import { parseRepositoryName } from '../oci/repository-name.ts'
import { REMEMBERED_MS } from './blob-presence.ts'

const THIRD = parseRepositoryName('carol/app')

test('`mountBlob()` shares what a readable repository holds, and looks nowhere else', async () => {
  await using opened = await openRegistry()
  const { registry } = opened
  const digest = await pushText(registry, APP, 'shared')
  const mount = (
    from: typeof APP | undefined,
    readable: Parameters<typeof registry.mountBlob>[0]['readable'],
  ) => registry.mountBlob({ repository: OTHER, digest, from, readable })
  for (const readable of [{ prefixes: [] }, { prefixes: ['carol/'] }, { names: ['bob/app'] }]) {
    for (const from of [APP, undefined]) assert.equal(await mount(from, readable), false)
  }
  // The source that was named does not hold it; another one that may be read does.
  assert.equal(await mount(THIRD, { prefixes: ['alice/', 'carol/'] }), true)
  assert.equal((await registry.statBlob(OTHER, digest)).size, 6)
})

test('`mountBlob()` mounts no blob that nobody has, or whose bytes are lost', async () => {
  await using opened = await openRegistry()
  const { registry, blobs } = opened
  const digest = await pushText(registry, APP, 'shared')
  const mount = { repository: OTHER, from: APP, readable: 'all' } as const
  assert.equal(await registry.mountBlob({ ...mount, digest: digestOf('absent') }), false)
  await blobs.delete(digest)
  opened.pass(REMEMBERED_MS + 1)
  assert.equal(await registry.mountBlob({ ...mount, digest }), false)
})
