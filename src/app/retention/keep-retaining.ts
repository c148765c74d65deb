import type { Logger } from 'pino'
import type { BlobPlace } from '../../blobs/blob-place.ts'
import type { Config } from '../../config/config.ts'
import type { CollectionFacts } from '../../metadata/collection-facts.ts'
import type { Metadata } from '../../metadata/metadata.ts'
import type { RetentionFacts } from '../../metadata/retention-facts.ts'
import { isLargeShare } from '../../upkeep/retain/large-share.ts'
import { runRetention } from '../../upkeep/retain/retention-run.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'
import { openUntaggedRemoval } from './retention-terms.ts'
import { TurnHolder } from './turn-holder.ts'

/** Time of the first look whether a run is due, after the start's own work, and between two, in milliseconds. */
const FIRST_LOOK_MS = 90_000
const LOOK_EVERY_MS = 60_000
const HOUR_MS = 3_600_000

/** Dependencies of the retention of a server. */
interface RetainingContext {
  readonly config: Config
  readonly logger: Logger
  readonly place: Pick<BlobPlace, 'findForeignRepositories' | 'findOwnBlobs'>
  readonly metadata: Metadata
  readonly facts: RetentionFacts
  readonly collection: CollectionFacts
}

/** Runs retention every few hours, on one node at a time, until it is disposed. */
export function keepRetaining(context: RetainingContext): AsyncDisposable {
  const { config, logger } = context
  if (config.retentionHours === 0) return { async [Symbol.asyncDispose]() {} }
  const stopping = new AbortController()
  const state = { wasHeld: false }
  const runs = runPeriodically(() => runIfDue(context, { signal: stopping.signal, state }), {
    firstMs: FIRST_LOOK_MS,
    everyMs: LOOK_EVERY_MS,
    onError: (err) => {
      if (!stopping.signal.aborted) logger.error({ err }, 'retention failed')
    },
  })
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await runs.stop()
    },
  }
}

async function runIfDue(
  context: RetainingContext,
  { signal, state }: { signal: AbortSignal; state: { wasHeld: boolean } },
): Promise<void> {
  const { config, logger, metadata, facts } = context
  await metadata.check()
  const until = await facts.noteWork()
  if (until !== undefined) {
    if (!state.wasHeld) {
      logger.warn(
        { until },
        'no tags are removed by retention: the server did not run for more than a day, or its clock has jumped, so that images in use may not have been pulled since',
      )
    }
    state.wasHeld = true
    return
  }
  state.wasHeld = false
  if (await metadata.findSwitch('read-only')) return
  const turn = new TurnHolder(facts)
  if ((await turn.take(config.retentionHours * HOUR_MS)) !== 'taken') return
  try {
    await run(context, { signal, turn })
  } finally {
    await turn.end()
  }
}

async function run(
  { config, logger, place, metadata, facts, collection }: RetainingContext,
  { signal, turn }: { signal: AbortSignal; turn: TurnHolder },
): Promise<void> {
  const id = await facts.beginRun('schedule')
  const { totals, entries } = await runRetention({
    facts,
    metadata,
    readDocument: async () => (await metadata.readPolicies()).document,
    untagged: config.collect ? await openUntaggedRemoval({ place, facts: collection }) : undefined,
    signal,
    rest: (ms) => turn.rest(ms),
    mayGoOn: async () => (await turn.keep()) && !(await metadata.findSwitch('read-only')),
    onRepository: (repository, outcome) => {
      const ended = [...outcome.ended.values()].reduce((sum, tags) => sum + tags, 0)
      if (isLargeShare({ seen: outcome.tagsSeen, ended })) {
        logger.warn(
          { repository, run: id, seen: outcome.tagsSeen, ended },
          'retention ended most tags of a repository: "berth retention log" lists them by rule, and "berth tag restore" brings each back',
        )
      }
    },
    onFailure: (repository, err) => logger.error({ repository, err }, 'retention failed'),
  })
  await facts.endRun(id, totals, entries)
  if (totals.tagsEnded + totals.imagesRemoved > 0) {
    logger.info({ run: id, ...totals }, 'retention ended tags that no rule keeps')
  }
}
