import type { Reads, Writes } from './repositories.ts'

/** Records that manifests of a repository were pulled at a time, unless a later pull is recorded. At most 500. */
export async function recordPulled(
  tx: Writes,
  repositoryId: number,
  { digests, at }: { digests: readonly string[]; at: number },
): Promise<void> {
  if (digests.length === 0) return
  await recordUses(tx, repositoryId, { digests, at })
  await tx
    .updateTable('manifest_uses')
    .set({ pulled_at: at })
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', digests)
    .where((eb) => eb.or([eb('pulled_at', 'is', null), eb('pulled_at', '<', at)]))
    .execute()
}

/** Records that manifests of a repository were used at a time, unless a later use is recorded. At most 500. */
export async function recordUses(
  tx: Writes,
  repositoryId: number,
  { digests, at }: { digests: readonly string[]; at: number },
): Promise<void> {
  if (digests.length === 0) return
  await tx
    .insertInto('manifest_uses')
    .values(digests.map((digest) => ({ repository_id: repositoryId, digest, used_at: at })))
    .onConflict((conflict) =>
      conflict
        .columns(['repository_id', 'digest'])
        .doUpdateSet({ used_at: at })
        .where('manifest_uses.used_at', '<', at),
    )
    .execute()
}

/** Last use of a manifest, in milliseconds; undefined if none is recorded, as of manifests of older versions. */
export async function findUse(db: Reads, repositoryId: number, digest: string): Promise<number | undefined> {
  const row = await db
    .selectFrom('manifest_uses')
    .select('used_at')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  return row?.used_at
}
