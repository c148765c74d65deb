import type { Logger } from 'pino'
import type { Accounts } from '../accounts/create-accounts.ts'
import { runPeriodically } from '../upkeep/run-periodically.ts'

/** Time of the first comparison with the directory, after the start's own work, and between two, in milliseconds. */
const FIRST_MS = 60_000
/** A person who has left may use tokens so long: the directory does not see them. */
const EVERY_MS = 15 * 60_000

/** Compares the accounts of persons with the directory now and then, until it is disposed. */
export function keepDirectory(accounts: Accounts, logger: Logger): AsyncDisposable {
  const comparison = runPeriodically(
    async () => {
      const { disabled = [], kept = [] } = (await accounts.syncDirectory()) ?? {}
      if (disabled.length > 0)
        logger.warn(
          { accounts: disabled },
          'accounts disabled: their persons are not in the directory any more',
        )
      if (kept.length > 0)
        logger.warn({ accounts: kept }, 'accounts kept although the directory does not show their persons')
    },
    {
      firstMs: FIRST_MS,
      everyMs: EVERY_MS,
      onError: (err) => logger.warn({ err }, 'the accounts could not be compared with the directory'),
    },
  )
  return { [Symbol.asyncDispose]: () => comparison.stop() }
}
