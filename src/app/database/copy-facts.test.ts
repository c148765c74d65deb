import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testEngines } from '../../../test/support/database/engines.ts'
import { recountAll } from '../../../test/support/database/recounted-sizes.ts'
import type { AnyTables } from '../../database/copy/copied-table.ts'
import type { CopySide } from '../../database/copy/copy-database.ts'
import type { Database } from '../../database/database.ts'
import { kysely } from '../../database/kysely.ts'
import { POSTGRES_COUNTERS } from '../../database/postgres/postgres-counters.ts'
import { SQLITE_COUNTERS } from '../../database/sqlite/sqlite-counters.ts'
import { createSizeFacts } from '../../metadata/sizes/create-size-facts.ts'
import { createSqlMetadata } from '../../metadata/sql-metadata.ts'
import { hashContent } from '../../oci/digest.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import { copyFacts } from './copy-facts.ts'
import type { BerthSchema } from './database-schema.ts'

const engines = testEngines()
const COUNTERS = { sqlite: SQLITE_COUNTERS, postgres: POSTGRES_COUNTERS }
const REPOSITORIES = ['alice/app', 'alice/web', 'bob/app'].map((name) => parseRepositoryName(name))

/** Three repositories with a blob in common, one of them deleted, and a blob of each. */
async function fill(database: Database<BerthSchema>): Promise<void> {
  const metadata = createSqlMetadata(database)
  for (const repository of REPOSITORIES) {
    for (const text of ['shared', repository]) {
      await metadata.linkBlob({ repository, digest: hashContent(text), size: text.length })
    }
  }
  await metadata.deleteRepository(parseRepositoryName('bob/app'))
}

function toSide(database: Database<BerthSchema>, engine: 'sqlite' | 'postgres', name: string): CopySide {
  return { name, database: database as unknown as Database<AnyTables>, counters: COUNTERS[engine] }
}

/** Rows of `repository_blobs` that PostgreSQL's planner counts with; -1: it has not counted them. */
async function countPlanned(database: Database<BerthSchema>): Promise<number | undefined> {
  const { rows } = await database.transaction((tx) =>
    kysely.sql<{ reltuples: number }>`
      select reltuples from pg_class where oid = 'repository_blobs'::regclass`.execute(tx),
  )
  return rows[0]?.reltuples
}

for (const from of engines) {
  for (const to of engines) {
    test(`the sizes of a copy from ${from.name} to ${to.name} are those of a recount, also of one begun anew`, {
      skip: from.skip || to.skip,
    }, async () => {
      await using source = await from.open()
      await using target = await to.open()
      await fill(source.database)
      const sides = {
        source: toSide(source.database, from.name, 'source'),
        target: toSide(target.database, to.name, 'target'),
      }
      const onPage = ({ table }: { table: string }): void => {
        if (table === 'repository_blobs') throw new Error('stopped')
      }
      await assert.rejects(copyFacts({ ...sides, onPage }), /stopped/)
      await copyFacts({ ...sides, isFresh: true })
      const expected = (await recountAll(target.database)).repositories
      const listed = await createSizeFacts(target.database).rankRepositories({ order: 'size', limit: 10 })
      assert.deepEqual(
        new Map(listed.map(({ name, bytes, uniqueBytes }) => [String(name), { bytes, uniqueBytes }])),
        expected,
      )
      assert.deepEqual(expected.get('alice/app'), { bytes: 15, uniqueBytes: 9 })
      if (to.name === 'postgres') assert.equal(await countPlanned(target.database), 6)
    })
  }
}
