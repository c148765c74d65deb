import { join } from 'node:path'
import { requireComplete } from '../../../src/app/links/require-complete.ts'
import { DiskBlobStore } from '../../../src/blobs/disk/disk-blob-store.ts'
import { createDiskPlace } from '../../../src/blobs/disk/disk-place.ts'
import type { LinkTree } from '../../../src/blobs/link-tree.ts'
import type { Config } from '../../../src/config/config.ts'
import { loadConfig } from '../../../src/config/load/load-config.ts'
import type { Database } from '../../../src/database/database.ts'
import { createAdoptFacts } from '../../../src/metadata/adopt/create-adopt-facts.ts'
import { createCollectionFacts } from '../../../src/metadata/collection/create-collection-facts.ts'
import type { CollectionFacts, CollectionPolicy } from '../../../src/metadata/collection-facts.ts'
import { createLeaveFacts } from '../../../src/metadata/leave/create-leave-facts.ts'
import type { Metadata } from '../../../src/metadata/metadata.ts'
import { createRetentionFacts } from '../../../src/metadata/retention/create-retention-facts.ts'
import type { MetadataSchema } from '../../../src/metadata/schema.ts'
import { createPassFacts } from '../../../src/metadata/scrub/create-pass-facts.ts'
import { createScrubFacts } from '../../../src/metadata/scrub/create-scrub-facts.ts'
import type { ScrubFacts } from '../../../src/metadata/scrub-facts.ts'
import { createSqlMetadata } from '../../../src/metadata/sql-metadata.ts'
import { createRegistry } from '../../../src/registry/create-registry.ts'
import type { Registry } from '../../../src/registry/registry.ts'
import { adoptTree } from '../../../src/upkeep/adopt/adopt-tree.ts'
import { collect } from '../../../src/upkeep/collect/collector.ts'
import { sweep } from '../../../src/upkeep/collect/sweep.ts'
import { expireUploads } from '../../../src/upkeep/expire-uploads.ts'
import { leaveTree } from '../../../src/upkeep/leave/leave-tree.ts'
import { runRetention } from '../../../src/upkeep/retain/retention-run.ts'
import { scrub } from '../../../src/upkeep/scrub/scrub.ts'
import type { PointDatabases } from './point-databases.ts'

/** Times of the collection. */
export const POLICY: CollectionPolicy = { keepMs: 20 * 3_600_000, relyMs: 3_600_000 }
/** Longest time for which a mark of an ended process holds a digest, and a bit. */
const MARKS_END_MS = 6 * 60_000
export const UNPACED = { stepsPerSecond: 1e9, bytesPerSecond: 1e15 }

/** Time of a site, which goes on in the next process. */
export interface SiteClock {
  now: number
}

/** Folders of a site's blobs and data, and the server of its database. */
export interface SitePlace {
  readonly blobsFolder: string
  readonly dataDir: string
  readonly databases: PointDatabases
}

/** The place of a site in a folder: other folders beside it are of backups. */
export function placeIn(folder: string, databases: PointDatabases): SitePlace {
  return { blobsFolder: join(folder, 'blobs'), dataDir: join(folder, 'data'), databases }
}

/** The settings of a server at a place. */
export async function readConfig({ blobsFolder, dataDir, databases }: SitePlace): Promise<Config> {
  const flags = { data: dataDir, 'registry-root': blobsFolder }
  const { config } = loadConfig({ flags, env: {}, cwd: dataDir })
  return { ...config, database: await databases.config(dataDir) }
}

/** One process of a registry, with its stores. */
export interface Site {
  readonly place: SitePlace
  readonly clock: SiteClock
  readonly database: Database<MetadataSchema>
  readonly store: DiskBlobStore
  readonly metadata: Metadata
  readonly facts: CollectionFacts
  readonly scrubFacts: ScrubFacts
  readonly registry: Registry
  /** A round of collection. Errors: the first entry that could not be removed. */
  collect(policy?: CollectionPolicy): Promise<void>
  sweep(): Promise<void>
  /** Ends tags by the policies. Errors: the first failure. */
  retain(): Promise<void>
  /** Writes Distribution's links into the folder of the blobs. */
  leave(): Promise<void>
  /** Takes over Distribution's links. */
  adopt(): Promise<void>
  /** Verifies all stored content, from where an ended pass has come to. */
  scrub(): Promise<void>
  /** Removes all unfinished uploads. */
  expireUploads(): Promise<void>
  /** Lets the time pass that marks of another process are respected for. */
  passMarks(): void
  close(): Promise<void>
}

/** Opens the stores as a process does when it starts. */
export async function openSite(place: SitePlace, clock: SiteClock): Promise<Site> {
  const { blobsFolder } = place
  const store = await DiskBlobStore.open(blobsFolder)
  const database: Database<MetadataSchema> = await place.databases.open(place.dataDir)
  const now = (): number => clock.now
  const metadata = createSqlMetadata(database, now)
  const facts = createCollectionFacts(database, now)
  const passes = createPassFacts(database, now)
  const scrubFacts = createScrubFacts(database, now)
  return {
    place,
    clock,
    database,
    store,
    metadata,
    facts,
    scrubFacts,
    registry: createRegistry({
      blobs: store,
      metadata,
      policy: { isDeleteAllowed: true, isSparseAllowed: false, maxBlobBytes: 0 },
      clock: now,
    }),
    async collect(policy = POLICY) {
      const failures: unknown[] = []
      const onFailure = (_item: unknown, error: unknown): void => void failures.push(error)
      await collect({ blobs: store, facts, policy, pace: UNPACED, onFailure })
      if (failures.length > 0) throw failures[0]
    },
    async sweep() {
      const holder = 'sweep'
      // An injected fault may have kept it from giving the last one back.
      const from = await passes.take('sweep', { holder, everyMs: 0, isAnew: true, isTakenOver: true })
      if (typeof from === 'string') throw new Error(`the sweep is ${from}`)
      await sweep({ blobs: store, facts, passes, holder, graceMs: POLICY.relyMs, pace: UNPACED }, from)
    },
    async retain() {
      const failures: unknown[] = []
      await runRetention({
        facts: createRetentionFacts(database, now),
        metadata,
        readDocument: async () => (await metadata.readPolicies()).document,
        untagged: { look: facts.look, relyMs: POLICY.relyMs },
        rest: async () => {},
        onFailure: (_repository, error) => void failures.push(error),
      })
      if (failures.length > 0) throw failures[0]
    },
    async leave() {
      await leaveTree({
        tree: await openLinks(blobsFolder),
        facts: createLeaveFacts(database),
        known: createAdoptFacts(database),
        onProgress: () => {},
      })
    },
    async adopt() {
      const result = await adoptTree({
        tree: await openLinks(blobsFolder),
        facts: createAdoptFacts(database),
        isSparseAllowed: false,
        keepsTree: false,
        onProgress: () => {},
      })
      // As the command does: the operator runs it again.
      requireComplete(result)
    },
    async scrub() {
      const holder = 'scrub'
      const from = await passes.take('scrub', { holder, everyMs: 0, isAnew: false, isTakenOver: true })
      if (typeof from === 'string') throw new Error(`the pass is ${from}`)
      const failures: unknown[] = []
      const report = { onFailure: (_digest: unknown, error: unknown) => void failures.push(error) }
      const parts = { blobs: store, facts: scrubFacts, metadata, passes, holder, report }
      await scrub({ ...parts, pace: UNPACED, noteEveryMs: 0 }, from)
      if (failures.length > 0) throw failures[0]
    },
    async expireUploads() {
      // Also those of this moment.
      await expireUploads({ blobs: store, metadata }, -60_000)
    },
    passMarks() {
      clock.now += MARKS_END_MS
    },
    async close() {
      await database.close()
      await store.close()
    },
  }
}

/** Calls of another thread would not be numbered. */
async function openLinks(blobsFolder: string): Promise<LinkTree> {
  const links = await createDiskPlace(blobsFolder).openLinks?.({ isOneThread: true })
  if (!links) throw new Error('the folder has no links')
  return links
}
