import { randomUUID } from 'node:crypto'
import type { BlobPlace } from '../../blobs/blob-place.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { RegistryClient } from '../../client/registry-client.ts'
import type { Config } from '../../config/config.ts'
import { ownerFor } from '../../files/durable.ts'
import { createCollectionFacts } from '../../metadata/collection/create-collection-facts.ts'
import type { Pass, PassProgress } from '../../metadata/pass-facts.ts'
import { createPassFacts } from '../../metadata/scrub/create-pass-facts.ts'
import { createScrubFacts } from '../../metadata/scrub/create-scrub-facts.ts'
import type { Damage } from '../../metadata/scrub-facts.ts'
import { createSqlMetadata } from '../../metadata/sql-metadata.ts'
import { type RepairResult, repair } from '../../upkeep/scrub/repair.ts'
import { type ScrubEnd, scrub } from '../../upkeep/scrub/scrub.ts'
import type { ScrubReport } from '../../upkeep/scrub/scrub-parts.ts'
import { openStore, type Store } from '../data/open-store.ts'
import { requireFacts } from '../data/require-data.ts'
import { AppError } from '../faults/app-error.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { createRepairSource } from './repair-source.ts'
import { isPlaceEmpty, toScrubInterval, toScrubPace } from './scrub-terms.ts'

/** A command that works for somebody who waits. */
const UNPACED = { stepsPerSecond: 1e9, bytesPerSecond: Number.MAX_SAFE_INTEGER }

/** Options of a pass by a command. */
interface ScrubOptions {
  /** As fast as the machine can, and in place of a process that works on the pass. */
  readonly isNow: boolean
  /** From the beginning, even if a pass is under way. */
  readonly isAnew: boolean
  readonly report?: ScrubReport | undefined
  readonly onProgress?: ((progress: PassProgress) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** State of scrubbing. */
interface ScrubStatus {
  /** The last pass; undefined: there was none. */
  readonly pass: Pass | undefined
  /** The time at which the next pass begins; undefined: one is under way, or none begins by itself. */
  readonly next: Date | undefined
  /** Number and bytes of all content. */
  readonly content: { readonly count: number; readonly bytes: number }
  /** Number of damaged content in quarantine, and since when the first. */
  readonly damages: { readonly count: number; readonly since: Date | undefined }
}

/** The scrubbing of one Berth by a command, whether or not the server runs. */
export interface OpenScrub extends AsyncDisposable {
  /** Number and bytes of all content. */
  countContent(): Promise<ScrubStatus['content']>
  /** Number of damaged content in quarantine, and since when the first. */
  countDamages(): Promise<ScrubStatus['damages']>
  status(): Promise<ScrubStatus>
  /** All content in quarantine. */
  list(): AsyncIterable<Damage>
  /**
   * Verifies all content from the position of the pass on. Errors: `AppError` `SCRUB_BUSY` if another process works on
   * it, `DATA_NOT_FOUND` if there are no blobs.
   */
  scrub(options: ScrubOptions): Promise<PassProgress & { readonly end: ScrubEnd }>
  /** Fetches all content in quarantine from another registry. Errors: `AppError` `DATA_NOT_WRITABLE` as the wrong user. */
  repair(client: RegistryClient): Promise<AsyncIterable<RepairResult>>
}

/** Damages read at once. */
const PAGE = 100

/** Opens the data folder and the blobs of a configuration. Errors: `AppError`, `DatabaseError`. */
export async function openScrub(config: Config): Promise<OpenScrub> {
  await requireFacts(config, { takesNew: false })
  await using resources = new AsyncDisposableStack()
  const store = resources.adopt(await openStore(config), (opened) => opened.close())
  const place = createBlobPlace(config)
  const blobs = resources.adopt(await place.open(), (opened) => opened.close())
  const scrubbing = createScrubbing(config, { database: store.database, place, blobs })
  const kept = resources.move()
  return { ...scrubbing, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Open parts of a Berth that scrubbing is made from. */
interface ScrubbingParts {
  readonly database: Store['database']
  readonly place: BlobPlace
  readonly blobs: BlobStore
}

/** The scrubbing over what is open. */
export function createScrubbing(
  config: Config,
  { database, place, blobs }: ScrubbingParts,
): Omit<OpenScrub, typeof Symbol.asyncDispose> {
  const facts = createScrubFacts(database)
  const passes = createPassFacts(database)
  const collection = createCollectionFacts(database)
  const metadata = createSqlMetadata(database)
  return {
    countContent: () => facts.countContent(),
    countDamages: () => facts.countDamages(),
    async status() {
      const pass = await passes.read('scrub')
      const next =
        config.scrubDays === 0 || !pass?.endedAt
          ? undefined
          : new Date(pass.startedAt.getTime() + toScrubInterval(config))
      return { pass, next, content: await facts.countContent(), damages: await facts.countDamages() }
    },
    async *list() {
      for (let page = await facts.listDamages({ limit: PAGE }); page.length > 0; ) {
        yield* page
        page = await facts.listDamages({ after: page.at(-1)?.digest, limit: PAGE })
      }
    },
    async scrub({ isNow, isAnew, report, onProgress, signal }) {
      if (await isPlaceEmpty({ place, facts: collection })) throw noBlobs(config)
      const holder = randomUUID()
      const from = await passes.take('scrub', { holder, everyMs: 0, isTakenOver: isNow, isAnew })
      if (typeof from === 'string') throw busy()
      const pace = isNow ? UNPACED : toScrubPace(config)
      return scrub({ blobs, facts, metadata, passes, holder, pace, report, onProgress, signal }, from)
    },
    async repair(client) {
      await refuseOtherUser(config)
      return repair({ blobs, facts, metadata, source: createRepairSource(client) })
    },
  }
}

function noBlobs({ registryRoot }: Config): AppError {
  return new AppError(
    'DATA_NOT_FOUND',
    `There are no blobs in ${registryRoot}, and the database names some. It is the wrong folder, or its disk is not mounted`,
    'Mount the disk, or name the right folder with --data or BERTH_REGISTRY_ROOT',
  )
}

function busy(): AppError {
  return new AppError(
    'SCRUB_BUSY',
    'A server or another command verifies the stored content at the moment',
    'Run "berth scrub status" to see how far it is, or "berth scrub --now" to take it over at full speed',
  )
}

/** Files that root stores would be out of reach of the server. */
async function refuseOtherUser({ registryRoot }: Config): Promise<void> {
  const owner = await ownerFor(registryRoot)
  if (!owner) return
  throw new AppError(
    'DATA_NOT_WRITABLE',
    `Root must not store files in ${registryRoot}, which belongs to the user ${owner.uid}: the server could not read them`,
    `Run it as that user, such as with "sudo -u '#${owner.uid}'"`,
  )
}
