import { algorithmOf, type Digest, hashContent } from '../../oci/digest.ts'
import type { Reads } from '../queries/repositories.ts'

/** Tables whose rows hold the bytes of a manifest. */
const HOLDERS = ['manifests', 'trashed_manifests'] as const
/** Rows read at once: of large manifests 32 MiB. */
const PAGE = 8

/** The bytes of a manifest from the first row whose bytes have its digest; undefined: there is no such row. */
export async function readManifest(db: Reads, digest: Digest): Promise<Uint8Array | undefined> {
  for (const table of HOLDERS) {
    for (let after = 0; ; ) {
      const page = await db
        .selectFrom(table)
        .select(['repository_id', 'bytes'])
        .where('digest', '=', digest)
        .where('repository_id', '>', after)
        .orderBy('repository_id')
        .limit(PAGE)
        .execute()
      const good = page.find(({ bytes }) => hashContent(bytes, algorithmOf(digest)) === digest)
      if (good) return good.bytes
      if (page.length < PAGE) break
      after = page.at(-1)?.repository_id ?? after
    }
  }
  return undefined
}
