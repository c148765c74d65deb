import type { BlobPlace } from '../../blobs/blob-place.ts'
import type { Config } from '../../config/config.ts'
import { createCollectionFacts } from '../../metadata/collection/create-collection-facts.ts'
import { createRetentionFacts } from '../../metadata/retention/create-retention-facts.ts'
import type { RetentionFacts } from '../../metadata/retention-facts.ts'
import { createSqlMetadata } from '../../metadata/sql-metadata.ts'
import type { PolicyDocument } from '../../policies/policy-document.ts'
import { isLargeShare } from '../../upkeep/retain/large-share.ts'
import { type PlannedTag, planRetention } from '../../upkeep/retain/plan-retention.ts'
import { type RunResult, runRetention } from '../../upkeep/retain/retention-run.ts'
import { RELY_MS } from '../collection/collection-terms.ts'
import { openStore, type Store } from '../data/open-store.ts'
import { requireFacts } from '../data/require-data.ts'
import { AppError } from '../faults/app-error.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { openUntaggedRemoval } from './retention-terms.ts'
import { TurnHolder } from './turn-holder.ts'

export type { PlannedTag } from '../../upkeep/retain/plan-retention.ts'

/** The retention of one Berth by a command, whether or not the server runs. */
export interface OpenRetention
  extends AsyncDisposable,
    Pick<RetentionFacts, 'listRuns' | 'findRun' | 'findTurn'> {
  /**
   * The verdict about each tag of repositories with rules or labels. `pattern`: of repositories; undefined: all.
   * `document`: policies in place of those in force.
   */
  plan(options: {
    pattern: string | undefined
    document: PolicyDocument | undefined
  }): AsyncGenerator<PlannedTag>
  /** True if most tags of a repository end, as by a rule that was written wrongly. */
  isLargeShare(counts: { seen: number; ended: number }): boolean
  /**
   * Ends what no rule keeps, and logs it. Errors: `AppError` `RETENTION_BUSY` while a server or another command does so.
   */
  run(options: { pattern: string | undefined }): Promise<RunResult & { readonly id: number }>
}

/** Opens the data folder and the place of the blobs of a configuration. Errors: `AppError`, `DatabaseError`. */
export async function openRetention(config: Config): Promise<OpenRetention> {
  await requireFacts(config, { takesNew: false })
  await using resources = new AsyncDisposableStack()
  const { database } = resources.adopt(await openStore(config), (opened) => opened.close())
  const retention = createRetention({ database, place: createBlobPlace(config) })
  const kept = resources.move()
  return { ...retention, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** The retention over what is open. */
export function createRetention({
  database,
  place,
}: {
  readonly database: Store['database']
  readonly place: BlobPlace
}): Omit<OpenRetention, typeof Symbol.asyncDispose> {
  const facts = createRetentionFacts(database)
  const collection = createCollectionFacts(database)
  const metadata = createSqlMetadata(database)
  const readDocument = async () => (await metadata.readPolicies()).document
  return {
    listRuns: facts.listRuns,
    findRun: facts.findRun,
    findTurn: facts.findTurn,
    isLargeShare,
    plan: ({ pattern, document }) =>
      planRetention({
        facts,
        metadata,
        readDocument: async () => document ?? (await readDocument()),
        pattern,
        judge: collection.judge,
        relyMs: RELY_MS,
      }),
    async run({ pattern }) {
      const turn = new TurnHolder(facts)
      if ((await turn.take(0, { isPartial: pattern !== undefined })) !== 'taken') {
        throw new AppError(
          'RETENTION_BUSY',
          'Retention is running already, by the server or by another command',
          'Wait until it has ended: "berth retention log" shows its runs',
        )
      }
      try {
        const id = await facts.beginRun('command')
        const untagged = await openUntaggedRemoval({ place, facts: collection })
        const done = await runRetention({
          facts,
          metadata,
          readDocument,
          pattern,
          untagged,
          mayGoOn: () => turn.keep(),
          rest: (ms) => turn.rest(ms),
        })
        await facts.endRun(id, done.totals, done.entries)
        return { id, ...done }
      } finally {
        await turn.end()
      }
    },
  }
}
