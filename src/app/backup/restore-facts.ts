import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AnyTables } from '../../database/copy/copied-table.ts'
import { openSqliteDatabase } from '../../database/sqlite/open-sqlite.ts'
import { makeFolder, PRIVATE_FOLDER } from '../../files/durable.ts'
import { createBackupFacts } from '../../metadata/backup/create-backup-facts.ts'
import { forgetAllLogIns } from '../../tokens/refresh/log-ins.ts'
import type { FoundGeneration } from '../../upkeep/backup/backup-folder.ts'
import { requireWhole } from '../../upkeep/backup/blob-list.ts'
import { copyStoredFile } from '../../upkeep/backup/stored-files.ts'
import { type BerthSchema, MIGRATION_SETS } from '../database/database-schema.ts'
import { databaseFile } from '../folders/data-folder.ts'

/** Options of restoring facts. */
interface RestoreFactsOptions {
  /** Folder for the database, emptied first. */
  readonly folder: string
  /** True: log-ins and the keys of tokens stay as they were. */
  readonly keepsLogIns: boolean
}

/**
 * Writes the facts of a generation into a folder as `berth.db`, of the form of this version and fit to be served. Errors:
 * `BackupError` `BACKUP_DAMAGED`, `DatabaseError` `SCHEMA_TOO_NEW`; those of the folder.
 */
export async function restoreFacts(
  found: FoundGeneration,
  { folder, keepsLogIns }: RestoreFactsOptions,
): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await makeFolder(folder, PRIVATE_FOLDER)
  await requireWhole(found, found.generation.facts)
  const file = databaseFile(folder)
  await copyStoredFile(join(found.folder, found.generation.facts.path), file)
  await requireWhole({ ...found, folder }, { ...found.generation.facts, path: 'berth.db' })
  const database = await openSqliteDatabase<BerthSchema>(file, { migrations: MIGRATION_SETS })
  try {
    await createBackupFacts(database).settleRestored()
    if (!keepsLogIns) await forgetAllLogIns(database)
  } finally {
    await database.close()
  }
}

/** Opens restored facts by their tables, to copy them into another database. */
export function openRestoredFacts(folder: string) {
  return openSqliteDatabase<AnyTables>(databaseFile(folder), { migrations: MIGRATION_SETS })
}
