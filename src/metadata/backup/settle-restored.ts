import type { Database } from '../../database/database.ts'
import { holdWork } from '../collection/note-work.ts'
import type { MetadataSchema } from '../schema.ts'

/** Fits the facts of a backup to the place where they were restored. It may run again. */
export async function settleRestored(database: Database<MetadataSchema>, now: number): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.deleteFrom('uploads').execute()
    await tx
      .updateTable('backup_runs')
      .set({ ended_at: now, held_until: now, outcome: 'failed', problem: 'It is the one that was restored' })
      .where('ended_at', 'is', null)
      .execute()
    await holdWork(tx, now)
  })
}
