import assert from 'node:assert/strict'
import { createDiskPlace } from '../../../src/blobs/disk/disk-place.ts'
import { createAdoptFacts } from '../../../src/metadata/adopt/create-adopt-facts.ts'
import { createLeaveFacts } from '../../../src/metadata/leave/create-leave-facts.ts'
import { createSqlMetadata } from '../../../src/metadata/sql-metadata.ts'
import { type AdoptProgress, adoptTree } from '../../../src/upkeep/adopt/adopt-tree.ts'
import { type LeaveProgress, leaveTree } from '../../../src/upkeep/leave/leave-tree.ts'
import { createDistributionTree } from '../content/distribution-tree.ts'
import { makeTempFolder } from '../machine/temp-folder.ts'
import type { OpenDatabase } from './test-engine.ts'

const ALL = { limit: 1000, last: undefined }

/** A folder of Distribution, and the facts of a Berth that takes it over and gives it back. */
export async function openLinkRoom(open: OpenDatabase) {
  const folder = await makeTempFolder('links')
  const { database, ...temporary } = await open()
  const place = createDiskPlace(folder.path)
  const links = await place.openLinks?.()
  assert.ok(links)
  const metadata = createSqlMetadata(database)
  const known = createAdoptFacts(database)
  return {
    root: folder.path,
    place,
    links,
    known,
    metadata,
    tree: createDistributionTree(folder.path),
    adopt: (
      more: {
        keepsTree?: boolean
        onProgress?: (progress: AdoptProgress) => void
        signal?: AbortSignal
      } = {},
    ) =>
      adoptTree({
        tree: links,
        facts: known,
        isSparseAllowed: false,
        keepsTree: false,
        onProgress: () => {},
        ...more,
      }),
    leave: (more: { onProgress?: (progress: LeaveProgress) => void; signal?: AbortSignal } = {}) =>
      leaveTree({ tree: links, facts: createLeaveFacts(database), known, onProgress: () => {}, ...more }),
    /** All tags with their digests. */
    async tags(): Promise<string[]> {
      const found: string[] = []
      for (const name of await metadata.listRepositories('all', ALL))
        for (const { name: tag, digest } of (await metadata.describeTags(name, ALL)) ?? [])
          found.push(`${name}:${tag} ${digest}`)
      return found
    },
    async [Symbol.asyncDispose]() {
      await temporary[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}
