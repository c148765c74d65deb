import type { Logger } from 'pino'
import type { SizeFacts } from '../../metadata/size-facts.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'

/** Time between two runs, in milliseconds: until then lists add up the changes themselves. */
const FOLD_EVERY_MS = 30_000
/** Changes of one transaction. */
const BATCH = 1_000

/** Adds changes of sizes to their sums, where pushes leave them as rows of their own, until it is disposed. */
export function keepFoldingSizes(
  { foldSizes }: Pick<SizeFacts, 'foldSizes'>,
  logger: Logger,
): AsyncDisposable {
  let isStopping = false
  const runs = runPeriodically(
    async () => {
      while (!isStopping && (await foldSizes(BATCH)) === BATCH);
    },
    {
      firstMs: FOLD_EVERY_MS,
      everyMs: FOLD_EVERY_MS,
      onError: (err) => logger.warn({ err }, 'changes of sizes could not be added up; it is tried again'),
    },
  )
  return {
    async [Symbol.asyncDispose]() {
      isStopping = true
      await runs.stop()
    },
  }
}
