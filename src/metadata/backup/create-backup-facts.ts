import { randomUUID } from 'node:crypto'
import type { Database } from '../../database/database.ts'
import { BACKUP_HOLDS_MS, type BackupFacts, type BackupRun, MAX_BACKUP_RUNS } from '../backup-facts.ts'
import type { BackupRunTable, MetadataSchema } from '../schema.ts'
import { listNeeded } from './needed-blobs.ts'
import { listManifests } from './pullable-manifests.ts'
import { readManifest } from './read-manifest.ts'
import { settleRestored } from './settle-restored.ts'

/** {@link BackupFacts} in SQL. `clock` gives milliseconds since 1970. */
export function createBackupFacts(
  database: Database<MetadataSchema>,
  clock: () => number = database.now,
): BackupFacts {
  const { read, transaction } = database
  return {
    beginBackup: (run) => beginBackup(database, { ...run, now: clock() }),
    renewBackup: (id) => renewBackup(database, id, clock()),
    endBackup: (id, { outcome, generation, problem }) =>
      transaction(async (tx) => {
        const now = clock()
        await tx
          .updateTable('backup_runs')
          .set({
            ...{ ended_at: now, held_until: now, outcome: outcome ?? null },
            ...{ generation: generation ?? null, problem: problem?.replaceAll('\0', '') ?? null },
          })
          .where('id', '=', id)
          .execute()
      }),
    async listBackups(limit) {
      const rows = await read
        .selectFrom('backup_runs')
        .selectAll()
        .orderBy('started_at', 'desc')
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map(toRun)
    },
    listNeeded: (page) => listNeeded(read, page),
    readManifest: (digest) => readManifest(read, digest),
    listManifests: (page) => listManifests(read, page),
    settleRestored: () => settleRestored(database, clock()),
  }
}

function toRun(row: BackupRunTable): BackupRun {
  return {
    id: row.id,
    folder: row.folder,
    startedAt: new Date(row.started_at),
    endedAt: row.ended_at === null ? undefined : new Date(row.ended_at),
    outcome: row.outcome ?? undefined,
    generation: row.generation ?? undefined,
    problem: row.problem ?? undefined,
  }
}

type Begin = Parameters<BackupFacts['beginBackup']>[0] & { readonly now: number }

async function beginBackup(
  { transaction }: Database<MetadataSchema>,
  { folder, slot, now }: Begin,
): Promise<string | undefined> {
  return transaction(async (tx) => {
    const rows = await tx.selectFrom('backup_runs').selectAll().orderBy('started_at', 'desc').execute()
    if (slot && rows.some((row) => row.slot === slot.at && isTaken(row, slot.retryMs, now))) return undefined
    for (const { id } of rows.slice(MAX_BACKUP_RUNS - 1))
      await tx.deleteFrom('backup_runs').where('id', '=', id).execute()
    const id = randomUUID()
    await tx
      .insertInto('backup_runs')
      .values({
        ...{ id, folder, slot: slot?.at ?? null, started_at: now, held_until: now + BACKUP_HOLDS_MS },
        ...{ ended_at: null, outcome: null, generation: null, problem: null },
      })
      .execute()
    return id
  })
}

/** True if a slot needs no other run now: this one goes on, has ended well, or has failed a short while ago. */
function isTaken(
  { outcome, ended_at: endedAt, held_until: heldUntil }: BackupRunTable,
  retryMs: number,
  now: number,
): boolean {
  if (endedAt === null) return heldUntil > now
  if (outcome === null) return false
  return outcome === 'complete' || endedAt + retryMs > now
}

async function renewBackup(
  { transaction }: Database<MetadataSchema>,
  id: string,
  now: number,
): Promise<boolean> {
  return transaction(async (tx) => {
    const row = await tx
      .selectFrom('backup_runs')
      .select('held_until')
      .where('id', '=', id)
      .executeTakeFirst()
    await tx
      .updateTable('backup_runs')
      .set({ held_until: now + BACKUP_HOLDS_MS })
      .where('id', '=', id)
      .execute()
    return row !== undefined && row.held_until > now
  })
}
