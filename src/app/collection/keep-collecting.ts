import type { Logger } from 'pino'
import type { BlobPlace } from '../../blobs/blob-place.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Config } from '../../config/config.ts'
import type { CollectionFacts, DueItem } from '../../metadata/collection-facts.ts'
import type { RoundFacts } from '../../metadata/round-facts.ts'
import { describeSwitch, type SwitchFacts } from '../../metadata/switch-facts.ts'
import { type CollectionRound, collect } from '../../upkeep/collect/collector.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'
import { toPace, toPolicy } from './collection-terms.ts'
import { LATE_MS } from './find-late.ts'
import { describeWait, findPlaceHold, HELD } from './find-place-hold.ts'
import { noteRound } from './note-rounds.ts'

/** Time of the first round, after the start's own work, and between two, in milliseconds. */
const FIRST_ROUND_MS = 60_000
const ROUND_EVERY_MS = 60_000

/** Failures of one round that are logged; all are counted. */
const MAX_FAILURES_LOGGED = 20

/** Dependencies of the collection of a server. */
interface CollectingContext {
  readonly config: Config
  readonly logger: Logger
  readonly place: Pick<BlobPlace, 'findForeignRepositories' | 'findOwnBlobs'>
  readonly blobs: BlobStore
  readonly facts: CollectionFacts
  readonly rounds: Pick<RoundFacts, 'note'>
  /** The database's clock. */
  readonly now: () => number
  readonly switches: Pick<SwitchFacts, 'findSwitch'>
  /** Fails if the facts are not those of these blobs, as after the database was replaced. */
  readonly check: () => Promise<void>
}

/** The reason of the last round for removing nothing, which the log has once. */
interface HeldState {
  why: string | undefined
}

/** Removes what is no longer needed, in rounds, until it is disposed. */
export function keepCollecting(context: CollectingContext): AsyncDisposable {
  const { config, logger } = context
  if (!config.collect) return { async [Symbol.asyncDispose]() {} }
  const stopping = new AbortController()
  const state: HeldState = { why: undefined }
  const rounds = runPeriodically(() => runRound(context, { signal: stopping.signal, state }), {
    firstMs: FIRST_ROUND_MS,
    everyMs: ROUND_EVERY_MS,
    onError: (err) => {
      if (!stopping.signal.aborted) logger.error({ err }, 'a round of collection failed')
    },
  })
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await rounds.stop()
    },
  }
}

async function runRound(
  { config, logger, place, blobs, facts, rounds, now, switches, check }: CollectingContext,
  { signal, state }: { signal: AbortSignal; state: HeldState },
): Promise<void> {
  await check()
  const policy = toPolicy(config)
  const mayGoOn = async (): Promise<boolean> => {
    const why = await findHold({ place, facts, switches })
    if (why !== undefined && why !== state.why) logger.warn(`nothing is removed: ${why}`)
    state.why = why
    return why === undefined
  }
  const notes = noteRound(rounds, now())
  let failures = 0
  const round = await collect({
    blobs,
    facts,
    policy,
    pace: toPace(config),
    signal,
    mayGoOn,
    onProgress: notes.progress,
    onFailure: (item, err) => {
      if (failures++ < MAX_FAILURES_LOGGED)
        logger.error({ err, ...describe(item) }, 'content could not be removed')
    },
  })
  report(logger, round)
  await notes.end(round)
  if (state.why === undefined) await warnOfLate(logger, await facts.findFirstDue(policy), now())
}

/** The reason why nothing may be removed at the moment. */
async function findHold({
  place,
  facts,
  switches,
}: Pick<CollectingContext, 'place' | 'facts' | 'switches'>): Promise<string | undefined> {
  const hold = await findPlaceHold({ place, facts })
  if (hold !== undefined) return HELD[hold.kind]
  // Noted during a pause, too: clients can pull in it, so that what is in use is known.
  const until = await facts.noteWork()
  const readOnly = await switches.findSwitch('read-only')
  if (readOnly) return `the registry is read-only (${describeSwitch(readOnly)})`
  const paused = await switches.findSwitch('collection-paused')
  if (paused) return `collection is paused (${describeSwitch(paused)})`
  if (until === undefined) return undefined
  return describeWait(until)
}

function report(logger: Logger, { removed, freedBytes, failed }: CollectionRound): void {
  const { repository, trashed, manifest, blob } = removed
  if (repository + trashed + manifest + blob + failed === 0) return
  logger.info(
    { repositories: repository, manifests: manifest + trashed, blobs: blob, freedBytes, failed },
    'content that was no longer needed is removed',
  )
}

async function warnOfLate(
  logger: Logger,
  totals: Awaited<ReturnType<CollectionFacts['findFirstDue']>>,
  now: number,
): Promise<void> {
  for (const { kind, firstDue } of totals) {
    if (firstDue && firstDue.getTime() < now - LATE_MS) {
      logger.error({ kind, due: firstDue }, 'content has been due for removal for more than a day')
    }
  }
}

function describe({ kind, repository, digest }: DueItem): object {
  return { kind, repository, digest: digest === '' ? undefined : digest }
}
