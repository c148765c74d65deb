import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { MemoryBlobStore } from '../../../test/support/memory/memory-blob-store.ts'
import { createBody, formatManifest } from '../../../test/support/memory/registry-room.ts'
import { openSqliteDatabase } from '../../database/sqlite/open-sqlite.ts'
import { EVENTS_MIGRATIONS } from '../../events/migrations.ts'
import { METADATA_MIGRATIONS } from '../../metadata/migrations.ts'
import type { MetadataSchema } from '../../metadata/schema.ts'
import { createSqlMetadata } from '../../metadata/sql-metadata.ts'
import { hashContent } from '../../oci/digest.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import { createRegistry } from '../create-registry.ts'
import { ManifestUses } from './manifest-uses.ts'

const REPOSITORY = parseRepositoryName('alice/app')
const policy = { isDeleteAllowed: true, isSparseAllowed: false, maxBlobBytes: 0 }

test('a database that cannot be written to, as on a full disk, keeps nobody from pulling', async () => {
  await using folder = await makeTempFolder('unrecorded')
  const blobs = new MemoryBlobStore()
  const image = formatManifest()
  let now = Date.UTC(2030, 0, 1)
  const openAs = async (isFrozen: boolean) => {
    const options = { migrations: [METADATA_MIGRATIONS, EVENTS_MIGRATIONS], isFrozen }
    const database = await openSqliteDatabase<MetadataSchema>(join(folder.path, 'db'), options)
    const metadata = createSqlMetadata(database, () => now)
    const uses = new ManifestUses(metadata, () => now)
    return { database, uses, registry: createRegistry({ blobs, metadata, policy, uses }) }
  }
  const usual = await openAs(false)
  const owner = 'alice'
  await usual.registry.pushWholeBlob(
    { repository: REPOSITORY, owner, digest: hashContent('{}') },
    createBody('{}'),
  )
  const push = { repository: REPOSITORY, owner, tags: [], contentType: undefined }
  await usual.registry.pushManifest({ ...push, reference: hashContent(image), bytes: image })
  await usual.database.close()
  now += 30 * 60_000
  const full = await openAs(true)
  const { registry, uses } = full
  const found = await registry.getManifest(REPOSITORY, hashContent(image))
  assert.deepEqual(Buffer.from(found.bytes), image)
  const { size } = await registry.statBlob(REPOSITORY, hashContent('{}'), { isReliedOn: true })
  assert.equal(size, 2)
  await assert.rejects(uses.write(), { code: 'UNAVAILABLE' }, 'the pull is still to be recorded')
  await full.database.close()
})
