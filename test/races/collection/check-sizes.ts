import assert from 'node:assert/strict'
import type { Database } from '../../../src/database/database.ts'
import type { MetadataSchema } from '../../../src/metadata/schema.ts'
import { createSizeFacts } from '../../../src/metadata/sizes/create-size-facts.ts'
import { createSqlMetadata } from '../../../src/metadata/sql-metadata.ts'
import type { SeededRandom } from '../../support/content/seeded-random.ts'
import { recountAll } from '../../support/database/recounted-sizes.ts'

const ALL = { limit: 1_000, last: undefined }

/** Compares all sizes with those counted anew from the rows. */
export async function checkSizes(database: Database<MetadataSchema>, random: SeededRandom): Promise<void> {
  const sizes = createSizeFacts(database)
  const metadata = createSqlMetadata(database)
  if (random.chance(0.2)) await sizes.foldSizes(random.between(1, 50))
  const expected = await recountAll(database)
  const repositories = await sizes.rankRepositories({ order: 'size', limit: 1_000 })
  assert.deepEqual(
    new Map(repositories.map(({ name, bytes, uniqueBytes }) => [name, { bytes, uniqueBytes }])),
    new Map(repositories.map(({ name }) => [name, expected.repositories.get(name)])),
  )
  assert.equal(repositories.length, expected.repositories.size)
  const bytes = repositories.map((one) => one.bytes)
  assert.deepEqual(
    bytes,
    bytes.toSorted((one, other) => other - one),
  )
  const tags = new Map<string, unknown>()
  for (const { name } of repositories) {
    const rows = (await metadata.describeTags(name, ALL)) ?? []
    for (const [tag, size] of await sizes.sizeTags(name, rows)) tags.set(`${name}:${tag}`, size)
    const scope = await sizes.sizeScope({ repository: name })
    const counted = scope.untaggedBytes + scope.unnamedBytes + scope.trashBytes
    assert.ok(counted <= scope.bytes, `parts of ${name}`)
  }
  assert.deepEqual(tags, expected.tags)
  const namespaces = await sizes.listNamespaces(ALL)
  assert.deepEqual(
    new Map(namespaces.map(({ name, bytes: held, uniqueBytes }) => [name, { bytes: held, uniqueBytes }])),
    expected.namespaces,
  )
  for (const { name, bytes: held, uniqueBytes } of namespaces) {
    const scope = await sizes.sizeScope({ namespace: name })
    assert.deepEqual([scope.bytes, scope.uniqueBytes], [held, uniqueBytes])
  }
}
