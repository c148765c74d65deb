import assert from 'node:assert/strict'
import { openCollectionRoom } from '../../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../../test/support/database/engines.ts'
import { createSqlMetadata } from '../../sql-metadata.ts'

const test = testOnEngines()
const MANIFESTS = 1_200

test('a large trash is emptied in short transactions, and all of it is due', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link('layer')
  const { id } = await t.database.read.selectFrom('repositories').select('id').executeTakeFirstOrThrow()
  const digests = Array.from({ length: MANIFESTS }, (_, index) => `sha256:${String(index).padStart(64, '0')}`)
  for (let at = 0; at < MANIFESTS; at += 300) {
    const some = digests.slice(at, at + 300)
    const bytes = Buffer.from('{}')
    await t.database.transaction(async (tx) => {
      await tx
        .insertInto('trashed_manifests')
        .values(
          some.map((digest) => ({
            repository_id: id,
            digest,
            media_type: 'x',
            size: 2,
            bytes,
            created_at: t.clock(),
            trashed_at: t.clock(),
          })),
        )
        .execute()
      await tx
        .insertInto('collection_queue')
        .values(
          some.map((digest) => ({
            kind: 'trashed' as const,
            repository_id: id,
            digest,
            since: t.clock(),
            reason: 'deleted',
          })),
        )
        .execute()
    })
  }
  let transactions = 0
  const metadata = createSqlMetadata({
    ...t.database,
    transaction(work, seeing) {
      transactions++
      return t.database.transaction(work, seeing)
    },
  })
  assert.equal(await metadata.emptyTrash(), MANIFESTS)
  assert.ok(transactions >= 3, `${transactions} transactions`)
  for (const [table, column] of [
    ['trashed_manifests', 'trashed_at'],
    ['collection_queue', 'since'],
  ] as const) {
    const left = await t.database.read
      .selectFrom(table)
      .select('digest')
      .where(column as 'digest', '>', 0 as never)
      .where('digest', 'in', digests.slice(0, 500))
      .execute()
    assert.equal(left.length, 0, table)
  }
  assert.equal(await metadata.emptyTrash(), 0)
})
