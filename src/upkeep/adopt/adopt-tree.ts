import type { LinkReader, Oddity } from '../../blobs/link-tree.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { type AdoptReport, Tally } from './adopt-report.ts'
import type { AdoptParts } from './adopt-repository.ts'
import { lookAgain } from './look-again.ts'
import { Takeover } from './takeover.ts'

/** Clocks of the machine and of the disk may differ by this, in milliseconds. */
const CLOCK_MARGIN_MS = 60_000

/** Entries of one transaction, for which others wait on SQLite: some 50 ms. */
const MAX_ENTRIES = 1_500
/** The same where no other process waits: a second or two, and each page of an index is written for many entries at once. */
const MAX_ENTRIES_ALONE = 20_000
/** Each transaction has twice the entries of the one before, up to the bound: so writing begins while the next ones are read. */
const GROWTH = 2

/** State of a takeover under way. */
export interface AdoptProgress {
  readonly repository: RepositoryName | undefined
  /** Repositories done, of all. */
  readonly done: number
  readonly total: number
  readonly manifests: number
  readonly tags: number
}

/** Options of a takeover. */
interface AdoptOptions extends Pick<AdoptParts, 'tree' | 'facts' | 'isSparseAllowed' | 'signal'> {
  /** True: the tree stays in Distribution's place, which may go on; nothing is removed by Berth then. */
  readonly keepsTree: boolean
  /** True: no server waits for the database at the moment; by default one may. */
  readonly isAlone?: () => boolean
  /** False: most of the content is known, so that reading it ahead would be in vain. */
  readonly readsAhead?: boolean
  readonly onProgress: (progress: AdoptProgress) => void
}

/** Result of a takeover. */
export type AdoptResult = AdoptReport & {
  /** `absent`: there is nothing to take over, and never was. `incomplete`: not all could be read; the links stay, and with them each blob. */
  readonly state: 'adopted' | 'kept' | 'incomplete' | 'was-adopted' | 'absent'
  /** Trees of earlier takeovers, which nothing needs any more. */
  readonly formerTrees: readonly string[]
}

/**
 * Takes over the links of Distribution. It can be ended at any point and run again. Once all is known, the tree gets
 * another name: a Distribution that is still at work finds no images any more, and what it writes from then on is a new tree,
 * which shows. What it wrote up to that moment is looked at again.
 */
export async function adoptTree(options: AdoptOptions): Promise<AdoptResult> {
  const { tree, keepsTree } = options
  let tally = new Tally()
  const formerTrees: string[] = []
  const before = await tree.states()
  const end = async (from: 'adopting' | 'leaving'): Promise<void> => {
    const former = await tree.move(from, 'adopted')
    if (former !== undefined) formerTrees.push(former)
  }
  const look = async (at: { state: 'in-use' | 'adopting'; since?: number }): Promise<void> => {
    await adoptFrom(options, { tally, ...at })
    if (!tally.isUnreadable) return
    // A second look reads the parts that could not be read for a moment.
    tally = new Tally()
    await adoptFrom(options, { tally, ...at })
  }
  // Not all that the links lead to was seen: they are still needed, and so may be every blob.
  const isIncomplete = async (): Promise<boolean> =>
    tally.isUnreadable || (tally.lacksBlobs && !(await tree.hasBlobs()))
  const result = async (state: AdoptResult['state']): Promise<AdoptResult> => {
    if (tally.blobs.adopted + tally.manifests.adopted > 0) await options.facts.analyze()
    return { ...tally.report(), state, formerTrees }
  }
  // The links of a departure that was not finished are those of facts that are here.
  if (before.includes('leaving') && !keepsTree) await end('leaving')
  if (before.includes('adopting')) {
    await look({ state: 'adopting' })
    if (await isIncomplete()) return result('incomplete')
    if (!keepsTree) await end('adopting')
  }
  if (!before.includes('in-use')) {
    const isAdopted = before.includes('adopted') || before.includes('leaving')
    return result(before.includes('adopting') ? 'adopted' : isAdopted ? 'was-adopted' : 'absent')
  }
  const startedAt = Date.now()
  await look({ state: 'in-use' })
  if (await isIncomplete()) return result('incomplete')
  if (keepsTree) return result('kept')
  await tree.move('in-use', 'adopting')
  const since = startedAt - CLOCK_MARGIN_MS
  await adoptFrom({ ...options, onProgress: () => {} }, { tally, state: 'adopting', since })
  if (await isIncomplete()) return result('incomplete')
  await end('adopting')
  return result('adopted')
}

async function adoptFrom(
  options: AdoptOptions,
  { tally, state, since }: { tally: Tally; state: 'in-use' | 'adopting'; since?: number },
): Promise<void> {
  const { tree, facts, isSparseAllowed, signal, onProgress, isAlone = () => false } = options
  const reader = tree.read(state)
  const total = since === undefined ? await countRepositories(reader) : 0
  let done = 0
  let repository: RepositoryName | undefined
  const onBatch = (): void => {
    signal?.throwIfAborted()
    onProgress({
      repository,
      done,
      total,
      manifests: tally.manifests.adopted + tally.manifests.known,
      tags: tally.tags.adopted + tally.tags.known,
    })
  }
  let alone = MAX_ENTRIES / GROWTH
  const maxEntries = (): number => {
    alone = Math.min(alone * GROWTH, MAX_ENTRIES_ALONE)
    return isAlone() ? alone : MAX_ENTRIES
  }
  const parts: AdoptParts = { tree, facts, isSparseAllowed, signal, tally, maxEntries, onBatch }
  const takeover = new Takeover({ parts, reader, since })
  const links =
    since === undefined
      ? tree.readAll(state, { readsContent: options.readsAhead ?? true })
      : lookAgain({ reader, facts, since })
  for await (const part of links) {
    if (part.kind === 'repository') {
      if (repository !== undefined) done++
      repository = part.name
    }
    await takeover.take(part)
    onBatch()
  }
  await takeover.end()
  done = total
  onBatch()
}

/** Reads the folders of repositories, and none of their links. */
async function countRepositories(reader: LinkReader): Promise<number> {
  let count = 0
  for await (const found of reader.listRepositories()) count += isOddity(found) ? 0 : 1
  return count
}

function isOddity(found: RepositoryName | Oddity): found is Oddity {
  return typeof found === 'object'
}
