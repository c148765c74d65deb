import type { Database } from '../../database/database.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { Writes } from '../queries/repositories.ts'
import type { RetentionEntry, RetentionFacts, RetentionRun, RetentionTotals } from '../retention-facts.ts'
import type { MetadataSchema } from '../schema.ts'

/** Runs that the log has: with one an hour, of the last forty days. */
const MAX_RUNS = 1_000
/** Entries of one run in the log. */
const MAX_ENTRIES = 1_000
/** Longest text of a problem in the log, in characters. */
const MAX_PROBLEM = 500
/** Values in one insert stay below the smallest bound that an engine has. */
const BATCH = 500

/** The log of runs in SQL. */
export function createRunLog(
  { read, transaction }: Database<MetadataSchema>,
  clock: () => number,
): Pick<RetentionFacts, 'beginRun' | 'endRun' | 'listRuns' | 'findRun'> {
  return {
    beginRun: (cause) => transaction((tx) => beginRun(tx, cause, clock())),
    endRun: (id, totals, entries) => transaction((tx) => endRun(tx, { id, totals, entries, now: clock() })),
    async listRuns(limit) {
      const rows = await read
        .selectFrom('retention_runs')
        .selectAll()
        .orderBy('id', 'desc')
        .limit(limit)
        .execute()
      return rows.map(toRun)
    },
    async findRun(id) {
      const row = await read.selectFrom('retention_runs').selectAll().where('id', '=', id).executeTakeFirst()
      if (!row) return undefined
      const entries = await read
        .selectFrom('retention_entries')
        .selectAll()
        .where('run_id', '=', id)
        .orderBy('repository')
        .orderBy('rule')
        .execute()
      return {
        run: toRun(row),
        entries: entries.map(({ repository, rule, tags }) => ({
          repository: repository as RepositoryName,
          rule,
          tags,
        })),
      }
    },
  }
}

async function beginRun(tx: Writes, cause: RetentionRun['cause'], now: number): Promise<number> {
  const { id } = await tx
    .insertInto('retention_runs')
    .values({ cause, started_at: now, repositories: 0, tags_seen: 0, tags_ended: 0, images_removed: 0 })
    .returning('id')
    .executeTakeFirstOrThrow()
  await tx
    .deleteFrom('retention_runs')
    .where('id', '<=', id - MAX_RUNS)
    .execute()
  return id
}

async function endRun(
  tx: Writes,
  run: { id: number; totals: RetentionTotals; entries: readonly RetentionEntry[]; now: number },
): Promise<void> {
  const { id, totals, now } = run
  const updated = await tx
    .updateTable('retention_runs')
    .set({
      ended_at: now,
      repositories: totals.repositories,
      tags_seen: totals.tagsSeen,
      tags_ended: totals.tagsEnded,
      images_removed: totals.imagesRemoved,
      problem: totals.problem?.slice(0, MAX_PROBLEM) ?? null,
    })
    .where('id', '=', id)
    .executeTakeFirst()
  if (updated.numUpdatedRows === 0n) return
  const entries = run.entries.slice(0, MAX_ENTRIES)
  for (let at = 0; at < entries.length; at += BATCH) {
    await tx
      .insertInto('retention_entries')
      .values(entries.slice(at, at + BATCH).map((entry) => ({ run_id: id, ...entry })))
      .execute()
  }
}

interface RunRow {
  readonly id: number
  readonly cause: 'schedule' | 'command'
  readonly started_at: number
  readonly ended_at: number | null
  readonly repositories: number
  readonly tags_seen: number
  readonly tags_ended: number
  readonly images_removed: number
  readonly problem: string | null
}

function toRun(row: RunRow): RetentionRun {
  return {
    id: row.id,
    cause: row.cause,
    startedAt: new Date(row.started_at),
    endedAt: row.ended_at === null ? undefined : new Date(row.ended_at),
    repositories: row.repositories,
    tagsSeen: row.tags_seen,
    tagsEnded: row.tags_ended,
    imagesRemoved: row.images_removed,
    problem: row.problem ?? undefined,
  }
}
