import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import { copySqliteOnline } from '../../database/sqlite/copy-online.ts'
import { openSqliteDatabase } from '../../database/sqlite/open-sqlite.ts'
import { copyStoredFile } from '../../upkeep/backup/stored-files.ts'
import { type BerthSchema, MIGRATION_SETS } from '../database/database-schema.ts'
import type { FormerSchema } from '../database/schema-state.ts'
import { toAppError } from '../faults/system-fault.ts'
import { databaseFile } from '../folders/data-folder.ts'
import { claimSnapshots, copyPostgres, FOLDER_PREFIX } from './snapshot-facts.ts'

/** Facts of an earlier schema, as they were at one moment. */
export interface FormerFacts extends AsyncDisposable {
  /** SQLite file with the facts in the schema that they have. */
  readonly file: string
  /** A copy of them in the schema of this version, to be read. */
  readonly updated: Database<BerthSchema>
}

/**
 * Copies the facts of an earlier schema, which stays as it is, into two files of the data folder, one of which is updated. Both are
 * removed in the end. Errors: as of `snapshotFacts()`.
 */
export async function takeFormerFacts(
  config: Pick<Config, 'database' | 'dataDir'>,
  schema: FormerSchema,
  signal: AbortSignal | undefined,
): Promise<FormerFacts> {
  const { database, dataDir } = config
  await using resources = new AsyncDisposableStack()
  resources.use(await claimSnapshots(dataDir))
  const folder = await mkdtemp(join(dataDir, FOLDER_PREFIX))
  resources.defer(() => rm(folder, { recursive: true, force: true }))
  const [file, copy] = [join(folder, 'facts.db'), join(folder, 'updated.db')]
  try {
    if (database.engine === 'postgres') await copyPostgres(database, file, { schema, signal })
    else await copySqliteOnline(databaseFile(dataDir), file, { isFrozen: false, signal })
    await copyStoredFile(file, copy)
  } catch (error) {
    throw toAppError(error, 'database', databaseFile(dataDir))
  }
  const updated = await openSqliteDatabase<BerthSchema>(copy, { migrations: MIGRATION_SETS })
  resources.defer(() => updated.close())
  const kept = resources.move()
  return { file, updated, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
