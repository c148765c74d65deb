import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import { createBackupFacts } from '../../metadata/backup/create-backup-facts.ts'
import type { MetadataSchema } from '../../metadata/schema.ts'
import { findBackupTrouble } from '../backup/find-trouble.ts'
import { type Finding, failed, ok, warning } from './finding.ts'

const CHECK = 'backups'

/** Checks that scheduled backups are made and are complete. */
export async function checkBackups(config: Config, database: Database<MetadataSchema>): Promise<Finding[]> {
  const { folder } = config.backup
  if (folder === undefined) {
    const message = 'The server makes no backups by itself'
    return [
      warning(
        CHECK,
        message,
        'Set backup-to to a folder on another disk (docs/disaster-recovery.md), or see that something else makes them',
      ),
    ]
  }
  const facts = createBackupFacts(database)
  const trouble = await findBackupTrouble(config, facts, database.now())
  if (!trouble) {
    const [last] = (await facts.listBackups(1)).filter(({ outcome }) => outcome === 'complete')
    const state = last ? `the last one is of ${last.startedAt.toISOString()}` : 'the first one is not due yet'
    return [ok(CHECK, `Backups go to ${folder}: ${state}`)]
  }
  const since = trouble.since.toISOString()
  return trouble.kind === 'late'
    ? [
        failed(
          CHECK,
          `No backup into ${folder} was complete since ${since}`,
          'See that the server runs, and read its log',
        ),
      ]
    : [
        failed(
          CHECK,
          `Backups into ${folder} fail since ${since}: ${trouble.problem ?? 'for an unknown reason'}`,
          'Mend that, and run "berth backup"; the server tries again once an hour',
        ),
      ]
}
