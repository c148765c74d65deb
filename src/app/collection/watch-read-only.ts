import type { Logger } from 'pino'
import { describeSwitch, type SwitchFacts } from '../../metadata/switch-facts.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'

/** Time between two looks, in milliseconds: requests obey at once, this is for the log only. */
const LOOK_EVERY_MS = 5_000

/** Logs when the registry becomes read-only, also at the start, and when it no longer is. */
export function watchReadOnly(
  { findSwitch }: Pick<SwitchFacts, 'findSwitch'>,
  logger: Logger,
): AsyncDisposable {
  let isReadOnly = false
  const looks = runPeriodically(
    async () => {
      const readOnly = await findSwitch('read-only')
      if (readOnly && !isReadOnly) {
        logger.warn(`the registry is read-only (${describeSwitch(readOnly)}): pushes and deletes are refused`)
      }
      if (!readOnly && isReadOnly) logger.info('the registry takes pushes and deletes again')
      isReadOnly = readOnly !== undefined
    },
    // A database that cannot be read is in the log already.
    { firstMs: 0, everyMs: LOOK_EVERY_MS, onError: () => {} },
  )
  return { [Symbol.asyncDispose]: () => looks.stop() }
}
