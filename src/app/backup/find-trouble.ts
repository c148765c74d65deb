import type { Config } from '../../config/config.ts'
import { type BackupFacts, MAX_BACKUP_RUNS } from '../../metadata/backup-facts.ts'
import { type BackupTrouble, judgeBackups } from '../../upkeep/backup/backup-schedule.ts'

/** The trouble with the backups of a configuration; undefined: there is none, or none are made. */
export async function findBackupTrouble(
  { backup }: Pick<Config, 'backup'>,
  facts: Pick<BackupFacts, 'listBackups'>,
  now: number,
): Promise<BackupTrouble | undefined> {
  if (backup.folder === undefined) return undefined
  const runs = await facts.listBackups(MAX_BACKUP_RUNS)
  const own = runs.filter(({ folder }) => folder === backup.folder)
  return judgeBackups(own, { everyHours: backup.everyHours, now })
}
