import type { BlobPlace } from '../../blobs/blob-place.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Config } from '../../config/config.ts'
import { createCollectionFacts } from '../../metadata/collection/create-collection-facts.ts'
import { createRoundFacts } from '../../metadata/collection/create-round-facts.ts'
import type { CollectionFacts, CollectionPolicy, DueItem } from '../../metadata/collection-facts.ts'
import type { Pass } from '../../metadata/pass-facts.ts'
import type { RoundFacts, RoundReport } from '../../metadata/round-facts.ts'
import { createPassFacts } from '../../metadata/scrub/create-pass-facts.ts'
import { createSqlMetadata } from '../../metadata/sql-metadata.ts'
import { describeSwitch, type SwitchFacts } from '../../metadata/switch-facts.ts'
import { type CollectionRound, collect } from '../../upkeep/collect/collector.ts'
import type { PaceLimits } from '../../upkeep/collect/pace.ts'
import { openStore, type Store } from '../data/open-store.ts'
import { requireFacts } from '../data/require-data.ts'
import { AppError } from '../faults/app-error.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { POLICY_NOW, toPolicy, WAITING_NOW } from './collection-terms.ts'
import { LATE_MS } from './find-late.ts'
import { describeWait, findPlaceHold, HELD } from './find-place-hold.ts'

/** Entries that a preview reads and lists: what they name is in memory. */
const MAX_PREVIEWED = 10_000
/** A command works for somebody who waits. */
const UNPACED = { stepsPerSecond: 1e6, bytesPerSecond: Number.MAX_SAFE_INTEGER }

/** Kinds of content in the queue. */
export type QueuedKind = keyof CollectionRound['removed']

/** An entry of the queue that is due, and the result of a look at it. */
interface PlannedRemoval {
  readonly kind: QueuedKind
  /** Undefined for bytes, which belong to no repository. */
  readonly repository: string | undefined
  /** Empty for repositories. */
  readonly digest: string
  /** The event that may have made it unneeded. */
  readonly reason: string
  /** Bytes that its removal frees, with what goes with it; those of several entries count with the first. 0 if it is kept. */
  readonly bytes: number
  /** Set if it is kept for now: why, and until when; without `until` as long as it is in use. */
  readonly kept: { readonly until: Date | undefined; readonly why: string } | undefined
}

/** Numbers of entries that `isNow` leaves because they were used within the last hour. */
interface KeptLately {
  readonly manifests: number
  /** Blobs of a repository that no image there names. */
  readonly blobs: number
}

/** Result of a collection. */
interface CollectionResult extends CollectionRound {
  /** At most 10,000 in all. Undefined without `isNow`. */
  readonly keptLately: KeptLately | undefined
  /** The first failure, if entries could not be removed, and its content. */
  readonly failure: { readonly item: DueItem; readonly error: unknown } | undefined
}

/** The collection of one Berth by a command, whether or not the server runs. */
export interface OpenCollection extends AsyncDisposable {
  /** Numbers of entries by kind, and the time at which the first is due. */
  status(): Promise<{ kind: QueuedKind; count: number; firstDue: Date | undefined }[]>
  /** The last search for files that the database does not name, and the last pass of scrubbing; undefined: there was none. */
  readPass(kind: 'sweep' | 'scrub'): Promise<Pass | undefined>
  /** Why servers remove nothing, as part of a sentence; undefined: they do. */
  findHold(): Promise<string | undefined>
  /** The round of a server under way, or the last one that had something to do; undefined: there was none. */
  readRound(): Promise<RoundReport | undefined>
  /** Entries that should have been removed more than a day ago. */
  countLate(): Promise<number>
  /** Entries that would be removed now. `isNow`: without the days of the settings. At most 10,000. */
  preview(options: { isNow: boolean }): Promise<PlannedRemoval[]>
  /** Fails with `AppError`: `COLLECTION_HELD` if another registry may need the same blobs, `DATA_NOT_FOUND` if there are none. */
  requireOwnBlobs(): Promise<void>
  /** Removes what is due. */
  collect(options: { isNow: boolean; signal?: AbortSignal | undefined }): Promise<CollectionResult>
}

/** Opens the data folder and the blobs of a configuration. Errors: `AppError`, `DatabaseError`. */
export async function openCollection(config: Config): Promise<OpenCollection> {
  await requireFacts(config, { takesNew: false })
  await using resources = new AsyncDisposableStack()
  const store = resources.adopt(await openStore(config), (opened) => opened.close())
  const place = createBlobPlace(config)
  const blobs = resources.adopt(await place.open(), (opened) => opened.close())
  const collection = createCollection(config, { database: store.database, place, blobs, pace: UNPACED })
  const kept = resources.move()
  return { ...collection, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Open parts of a Berth that collections are made from. */
interface CollectionParts {
  readonly database: Store['database']
  readonly place: BlobPlace
  readonly blobs: BlobStore
  readonly pace: PaceLimits
}

/** The collection over what is open. */
export function createCollection(
  config: Config,
  { database, place, blobs, pace }: CollectionParts,
): Omit<OpenCollection, typeof Symbol.asyncDispose> {
  const facts = createCollectionFacts(database)
  const rounds = createRoundFacts(database)
  const policyOf = (isNow: boolean): CollectionPolicy => (isNow ? POLICY_NOW : toPolicy(config))
  return {
    status: () => facts.countQueue(policyOf(false)),
    findHold: () => findHold(config, { place, facts, rounds, switches: createSqlMetadata(database) }),
    readRound: () => rounds.read(),
    countLate: () => facts.countDue(policyOf(false), LATE_MS),
    readPass: (kind) => createPassFacts(database).read(kind),
    preview: ({ isNow }) => preview(facts, policyOf(isNow)),
    requireOwnBlobs: () => requireOwnBlobs(config, { place, facts }),
    async collect({ isNow, signal }) {
      let failure: CollectionResult['failure']
      const onFailure = (item: DueItem, error: unknown): void => {
        failure ??= { item, error }
      }
      const mayGoOn = async (): Promise<boolean> => {
        await requireOwnBlobs(config, { place, facts })
        return true
      }
      const round = await collect({
        facts,
        blobs,
        policy: policyOf(isNow),
        pace,
        signal,
        mayGoOn,
        onFailure,
      })
      return { ...round, failure, keptLately: isNow ? await countKeptLately(facts) : undefined }
    },
  }
}

/** Entries of the queue that a round without the days of the settings has put off. */
async function countKeptLately(facts: CollectionFacts): Promise<KeptLately> {
  const counts = { manifests: 0, blobs: 0 }
  const items = (await facts.listDue(WAITING_NOW, MAX_PREVIEWED)).filter(({ kind }) => isUsedKind(kind))
  const kept = await facts.judge(items, POLICY_NOW)
  for (const [at, { kind }] of items.entries()) {
    // Content in use is put off, too: it is kept for another reason than its last use.
    const found = kept[at]
    if (found?.kind !== 'postponed') continue
    if (kind === 'link') counts.blobs++
    else if (found.why === 'used lately') counts.manifests++
  }
  return counts
}

function isUsedKind(kind: QueuedKind): boolean {
  return kind === 'manifest' || kind === 'link'
}

async function preview(facts: CollectionFacts, policy: CollectionPolicy): Promise<PlannedRemoval[]> {
  const planned: PlannedRemoval[] = []
  const due = await facts.listDue(policy, MAX_PREVIEWED)
  for (const { item, kept: found, bytes } of await facts.preview(due, policy)) {
    if (found?.kind === 'kept') continue
    const { kind, repository, digest, reason } = item
    const kept = found && { until: found.until, why: found.why }
    planned.push({ kind, repository, digest, reason, bytes, kept })
  }
  return [...planned, ...(await previewInUse(facts, planned))]
}

/** Manifests in use that nothing else keeps: whether due or not, as they will not be removed then either. */
async function previewInUse(
  facts: CollectionFacts,
  planned: readonly PlannedRemoval[],
): Promise<PlannedRemoval[]> {
  const keyOf = ({ repository, digest }: { repository: string | undefined; digest: string }): string =>
    `${repository}@${digest}`
  const known = new Set(planned.map(keyOf))
  const inUse = await facts.listInUse(MAX_PREVIEWED)
  return inUse
    .filter((entry) => !known.has(keyOf(entry)))
    .map(({ repository, digest, why }) => ({
      kind: 'manifest',
      repository,
      digest,
      reason: 'untagged',
      bytes: 0,
      kept: { until: undefined, why },
    }))
}

async function requireOwnBlobs(
  { registryRoot }: Pick<Config, 'registryRoot'>,
  content: { place: BlobPlace; facts: CollectionFacts },
): Promise<void> {
  const hold = await findPlaceHold(content)
  if (hold?.kind === 'no-blobs') {
    throw new AppError(
      'DATA_NOT_FOUND',
      `Nothing is removed: there are no blobs in ${registryRoot}, and the database names some. It is the wrong folder, or its disk is not mounted`,
      'Mount the disk, or name the right folder with --data or BERTH_REGISTRY_ROOT',
    )
  }
  if (hold === undefined) return
  throw new AppError(
    'COLLECTION_HELD',
    `Nothing is removed: ${hold.folder} holds repositories of the Distribution registry, which may need the same blobs`,
    'Take them over with "berth adopt"',
  )
}

async function findHold(
  config: Config,
  parts: { place: BlobPlace; facts: CollectionFacts; rounds: RoundFacts; switches: SwitchFacts },
): Promise<string | undefined> {
  const { rounds, switches } = parts
  if (!config.collect) return 'collect is false: only "berth gc" removes anything'
  const hold = await findPlaceHold(parts)
  if (hold) return HELD[hold.kind]
  const readOnly = await switches.findSwitch('read-only')
  if (readOnly) return `the registry is read-only (${describeSwitch(readOnly)})`
  const paused = await switches.findSwitch('collection-paused')
  if (paused) return `collection is paused (${describeSwitch(paused)})`
  const { waitsUntil } = await rounds.readTimes()
  return waitsUntil && describeWait(waitsUntil)
}
