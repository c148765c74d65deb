import { createCollectionFacts } from '../../../src/metadata/collection/create-collection-facts.ts'
import type { CollectionPolicy } from '../../../src/metadata/collection-facts.ts'
import { createSqlMetadata } from '../../../src/metadata/sql-metadata.ts'
import { type Digest, hashContent } from '../../../src/oci/digest.ts'
import { parseManifest } from '../../../src/oci/manifest.ts'
import { parseTag, type Tag } from '../../../src/oci/reference.ts'
import { parseRepositoryName } from '../../../src/oci/repository-name.ts'
import type { OpenDatabase } from './test-engine.ts'

export const APP = parseRepositoryName('alice/app')
export const DAY = 24 * 3_600_000
export const POLICY: CollectionPolicy = { keepMs: 14 * DAY, relyMs: 3_600_000 }

/** Facts by a clock of the test, and a collection that removes no bytes. */
export async function openCollectionRoom(openDatabase: OpenDatabase) {
  const temporary = await openDatabase()
  let now = Date.UTC(2030, 0, 1)
  const clock = (): number => now
  const metadata = createSqlMetadata(temporary.database, clock)
  const facts = createCollectionFacts(temporary.database, clock)
  return {
    database: temporary.database,
    clock,
    repository: APP,
    metadata,
    facts,
    pass(days: number) {
      now += days * DAY
    },
    async link(...texts: string[]) {
      for (const text of texts)
        await metadata.linkBlob({ repository: APP, digest: hashContent(text), size: text.length })
    },
    async put(bytes: Buffer, tag?: string, { expiresAfterMs }: { expiresAfterMs?: number } = {}) {
      const digest = hashContent(bytes)
      const record = { repository: APP, digest, bytes, manifest: parseManifest(bytes, undefined) }
      const tags = tag === undefined ? [] : [parseTag(tag)]
      const stored = await metadata.putManifest({
        ...record,
        tags,
        isSparseAllowed: false,
        by: 'alice',
        expiresAfterMs,
      })
      return { digest, bytes, ...stored }
    },
    /** Stores a manifest under several tags. */
    async putAll(bytes: Buffer, tags: readonly Tag[]) {
      const record = {
        repository: APP,
        digest: hashContent(bytes),
        bytes,
        manifest: parseManifest(bytes, undefined),
      }
      await metadata.putManifest({ ...record, tags, isSparseAllowed: false })
    },
    /** Collects until nothing is due. Returns the digests whose bytes would be removed. */
    async collect(policy = POLICY): Promise<Digest[]> {
      const removed: Digest[] = []
      for (;;) {
        const [item] = await facts.listDue(policy, 1)
        if (!item) break
        const outcome = await facts.look(item, policy)
        if (outcome.kind !== 'marked') continue
        removed.push(outcome.digest)
        await facts.forgetBlob(outcome)
      }
      while ((await facts.forgetHistory(policy, 100)) > 0);
      return removed.sort()
    },
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  }
}
