import type { Config } from '../../config/config.ts'
import { createAdoptFacts } from '../../metadata/adopt/create-adopt-facts.ts'
import { createLeaveFacts } from '../../metadata/leave/create-leave-facts.ts'
import type { AdoptReport } from '../../upkeep/adopt/adopt-report.ts'
import { adoptTree } from '../../upkeep/adopt/adopt-tree.ts'
import { type LeaveProgress, type LeaveReport, leaveTree } from '../../upkeep/leave/leave-tree.ts'
import { openStore } from '../data/open-store.ts'
import { requireFacts } from '../data/require-data.ts'
import { AppError } from '../faults/app-error.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { claimLinks } from './claim-links.ts'
import { requireComplete } from './require-complete.ts'

export type { LeaveProgress }

/** Options of a departure. */
interface LeaveFolderOptions {
  readonly onProgress: (progress: LeaveProgress) => void
  readonly signal?: AbortSignal | undefined
}

/** Result of a departure. */
export interface LeaveResult extends LeaveReport {
  /** The folder that holds `docker/registry/v2`. */
  readonly folder: string
  /** Content that Distribution had written meanwhile, and which was taken over first; undefined: there were no links. */
  readonly adopted: AdoptReport | undefined
}

/**
 * Writes Distribution's links for the content of a configuration, into the folder of its blobs. Errors: `AppError`
 * (`DATA_NOT_FOUND`, `NOTHING_TO_ADOPT` if the place of the blobs is none that Distribution can read), `DatabaseError`.
 */
export async function leaveFolder(config: Config, options: LeaveFolderOptions): Promise<LeaveResult> {
  await requireFacts(config, { takesNew: false })
  const tree = await createBlobPlace(config).openLinks?.()
  if (!tree) {
    throw new AppError(
      'NOTHING_TO_ADOPT',
      'The blobs are not in a folder, so that no Distribution registry can serve them from there',
      'Copy the images instead, for example with "skopeo sync"',
    )
  }
  using _claim = claimLinks(config.dataDir)
  const store = await openStore(config)
  try {
    const facts = createLeaveFacts(store.database)
    const known = createAdoptFacts(store.database)
    const states = await tree.states()
    const isBehind = states.includes('adopting')
    const adopted =
      isBehind || states.includes('in-use')
        ? await adoptTree({
            tree,
            facts: known,
            isSparseAllowed: config.sparseManifests,
            keepsTree: !isBehind,
            readsAhead: false,
            onProgress: () => {},
            signal: options.signal,
          })
        : undefined
    if (adopted) requireComplete(adopted)
    const report = await leaveTree({ tree, facts, known, ...options })
    return { ...report, folder: config.registryRoot, adopted }
  } finally {
    await store.close()
  }
}
