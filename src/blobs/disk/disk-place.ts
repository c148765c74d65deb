import { constants, existsSync, statSync } from 'node:fs'
import { access, readdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { makeMissingFolders, PRIVATE_FOLDER } from '../../files/durable.ts'
import { type BlobPlace, type OpenPlaceOptions, UnusablePlaceError } from '../blob-place.ts'
import type { BlobStore } from '../blob-store.ts'
import { isAbsent } from '../storage-fault.ts'
import { hasBlobs } from './has-blobs.ts'
import { hashThreadIfUseful, type OnThreadLost } from './hashes/hash-thread.ts'
import { blobFolder, linkFolder, uploadFolder } from './layout.ts'
import { probeFolders } from './probe-folders.ts'

/** Links in these states name content that Distribution may need, or that is not taken over yet. */
const FOREIGN = ['in-use', 'adopting', 'leaving'] as const

/** The folder `root` as a place for blobs. */
export function createDiskPlace(root: string): BlobPlace {
  return {
    folders: [root],
    open: (options = {}) => openStore(root, options),
    async openReader() {
      const { DiskBlobStore } = await import('./disk-blob-store.ts')
      return DiskBlobStore.openReader(root)
    },
    probe: () => probeFolders(root),
    findOwnBlobs: () => findOwnBlobs(root),
    findForeignRepositories: () => findForeign(root),
    openLinks: async ({ isOneThread = availableParallelism() === 1 } = {}) => {
      const { createDiskLinkTree } = await import('./links/disk-link-tree.ts')
      return createDiskLinkTree(root, { isOneThread })
    },
    sharesDiskWith: (folder) => statSync(folder).dev === statSync(root).dev,
  }
}

async function openStore(
  root: string,
  { beforeWrite, warn, collector, onSync }: OpenPlaceOptions,
): Promise<BlobStore> {
  try {
    await makeMissingFolders(root, PRIVATE_FOLDER)
    await access(root, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new UnusablePlaceError(error, root)
  }
  // Loaded here: commands that only inspect the place do not need it.
  const { DiskBlobStore } = await import('./disk-blob-store.ts')
  const thread = hashThreadIfUseful(warn && createLossWarning(warn))
  try {
    return await DiskBlobStore.open(root, { thread, beforeWrite, collector, onSync })
  } catch (error) {
    throw new UnusablePlaceError(error)
  }
}

function createLossWarning(warn: NonNullable<OpenPlaceOptions['warn']>): OnThreadLost {
  return ({ error, isLast }) => {
    const next = isLast ? 'from now on uploads are hashed where they are received' : 'another one is started'
    warn(`the thread that hashes uploads was lost: their bytes are read again, ${next}`, error)
  }
}

/** A folder without an entry has no repositories: Distribution and tools for its folder leave such ones. */
async function findForeign(root: string): Promise<string | undefined> {
  for (const state of FOREIGN) {
    const folder = linkFolder(root, state)
    const entries = await readdir(folder).catch((error) => (isAbsent(error) ? [] : ['unreadable']))
    if (entries.length > 0) return folder
  }
  return undefined
}

/** Blobs beside the facts of a Distribution registry are its own, unless Berth has used the folder. */
async function findOwnBlobs(root: string): Promise<string | undefined> {
  const isForeign = existsSync(linkFolder(root, 'in-use')) && !existsSync(uploadFolder(root))
  return !isForeign && (await hasBlobs(root)) ? blobFolder(root) : undefined
}
