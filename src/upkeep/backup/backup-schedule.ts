import type { BackupRun } from '../../metadata/backup-facts.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** Times of scheduled backups. */
interface BackupSchedule {
  /** Hours from the begin of one to the next. */
  readonly everyHours: number
  /** Minutes after midnight, UTC, of one of them. */
  readonly atMinutes: number
}

/** The last time of the schedule that is not after `now`; both in milliseconds since 1970. */
export function findSlot({ everyHours, atMinutes }: BackupSchedule, now: number): number {
  const every = everyHours * HOUR_MS
  const first = atMinutes * MINUTE_MS
  return first + Math.floor((now - first) / every) * every
}

/** The state of backups into one folder, if it needs attention. */
export interface BackupTrouble {
  /** The last backup has failed or lacks blobs; or none was complete for longer than one and a half times the schedule. */
  readonly kind: 'failed' | 'late'
  /** Begin of the last complete one, or of the first that was not; undefined: none was begun. */
  readonly since: Date
  /** Failed ones since then. */
  readonly failures: number
  readonly problem: string | undefined
}

/** Judges the runs into one folder, the newest first. Undefined: all is well, or none was begun yet. */
export function judgeBackups(
  runs: readonly BackupRun[],
  { everyHours, now }: { everyHours: number; now: number },
): BackupTrouble | undefined {
  const ended = runs.filter(({ outcome }) => outcome !== undefined)
  const at = ended.findIndex(({ outcome }) => outcome === 'complete')
  const failures = at < 0 ? ended : ended.slice(0, at)
  const since = ended[at]?.startedAt ?? failures.at(-1)?.startedAt ?? runs.at(-1)?.startedAt
  if (since === undefined) return undefined
  if (failures.length > 0) {
    return { kind: 'failed', since, failures: failures.length, problem: failures[0]?.problem }
  }
  // The next one may take half of the time that is between two.
  const isLate = now - since.getTime() > 1.5 * everyHours * HOUR_MS
  return isLate ? { kind: 'late', since, failures: 0, problem: undefined } : undefined
}
