import assert from 'node:assert/strict'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { type Digest, hashContent } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { parseTag } from '../../oci/reference.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import { createSqlMetadata } from '../sql-metadata.ts'
import { createSizeFacts } from './create-size-facts.ts'

const test = testOnEngines()
const [APP, ONE, TWO] = ['alice/app', 'alice/one', 'alice/two'].map(parseRepositoryName)
assert.ok(APP && ONE && TWO)
const V1 = parseTag('v1')
const V2 = parseTag('v2')

async function open(openDatabase: OpenDatabase) {
  const temporary = await openDatabase()
  const metadata = createSqlMetadata(temporary.database)
  const describeText = (text: string) => ({
    mediaType: 'a/b',
    digest: hashContent(text),
    size: text.length,
  })
  return {
    metadata,
    sizes: createSizeFacts(temporary.database),
    /** Pushes an image of these layers, and returns its digest and the length of its manifest. */
    async push(repository: typeof APP & {}, tags: string[], ...layers: string[]) {
      for (const text of layers)
        await metadata.linkBlob({ repository, digest: hashContent(text), size: text.length })
      const mediaType = 'application/vnd.oci.image.manifest.v1+json'
      const [config = '', ...rest] = layers
      const bytes = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType,
          config: describeText(config),
          layers: rest.map(describeText),
        }),
      )
      const digest: Digest = hashContent(bytes)
      await metadata.putManifest({
        repository,
        digest,
        bytes,
        manifest: parseManifest(bytes, undefined),
        tags: tags.map(parseTag),
        isSparseAllowed: false,
      })
      return { digest, size: bytes.length }
    },
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  }
}

const LAYER = (length: number): string => String(length % 10).repeat(length)

test('a removal of several tags frees what they share among each other, and nothing that others need', async (openDatabase) => {
  await using t = await open(openDatabase)
  const one = await t.push(APP, ['v1', 'same'], 'config', LAYER(1_001), LAYER(100_002))
  const two = await t.push(APP, ['v2'], 'config', LAYER(2_003), LAYER(100_002))
  const size = (...tags: string[]) => t.sizes.sizeRemoval({ repository: APP, tags: tags.map(parseTag) })
  assert.equal(await size('v1'), 0)
  assert.equal(await size('v2'), two.size + 2_003)
  assert.equal(await size('v1', 'same'), one.size + 1_001)
  assert.equal(await size('v1', 'same', 'v2', 'none'), one.size + two.size + 6 + 1_001 + 2_003 + 100_002)
  await t.push(APP, ['v3'], 'config', LAYER(100_002))
  assert.equal(await size('v1', 'same', 'v2'), one.size + two.size + 1_001 + 2_003)
})

test('a manifest is freed with all its tags, and without any', async (openDatabase) => {
  await using t = await open(openDatabase)
  const one = await t.push(APP, ['v1', 'v2'], 'config', LAYER(1_001))
  await t.push(APP, ['v3'], 'config', LAYER(2_002))
  const size = () => t.sizes.sizeRemoval({ repository: APP, manifest: one.digest })
  assert.equal(await size(), one.size + 1_001)
  await t.metadata.deleteTag(APP, V1)
  await t.metadata.deleteTag(APP, V2)
  assert.equal(await size(), one.size + 1_001)
  await t.push(ONE, ['v1'], 'config', LAYER(1_001))
  assert.equal(await size(), 0)
})

test('repositories free what they share among each other, unless a third one has it', async (openDatabase) => {
  await using t = await open(openDatabase)
  const one = await t.push(ONE, ['v1'], 'config', LAYER(1_001), LAYER(100_002))
  const two = await t.push(TWO, ['v1'], 'config', LAYER(2_003), LAYER(100_002))
  const size = (...repositories: (typeof APP)[]) =>
    t.sizes.sizeRemoval({ repositories: repositories.filter((name) => name !== undefined) })
  assert.equal(await size(), 0)
  assert.equal(await size(ONE), one.size + 1_001)
  assert.equal(await size(ONE, TWO), one.size + two.size + 6 + 1_001 + 2_003 + 100_002)
  await t.push(APP, ['v1'], 'config', LAYER(100_002))
  assert.equal(await size(ONE, TWO), one.size + two.size + 1_001 + 2_003)
})
