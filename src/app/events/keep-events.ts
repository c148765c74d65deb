import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import { sealEvents } from '../../events/audit/seal-events.ts'
import { trimLog } from '../../events/audit/trim-log.ts'
import type { EventsSchema } from '../../events/schema.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'

/** Time between two looks for new events, in milliseconds. */
const SEAL_EVERY_MS = 1_000
/** Time of the first removal of old events, and between two, in milliseconds. */
const FIRST_TRIM_MS = 60_000
const TRIM_EVERY_MS = 10 * 60_000
const DAY_MS = 24 * 3_600_000
const MIB = 1024 * 1024

/** Dependencies of the events of a server. */
interface EventsContext {
  readonly config: Pick<Config, 'audit'>
  readonly logger: Logger
  readonly database: Database<EventsSchema>
}

/** Gives events their place in the audit log and removes old ones, until it is disposed. */
export function keepEvents(context: EventsContext): AsyncDisposable {
  const { logger, database } = context
  const seals = runPeriodically(
    async () => {
      while (await sealEvents(database));
    },
    {
      firstMs: SEAL_EVERY_MS,
      everyMs: SEAL_EVERY_MS,
      onError: (err) => logger.error({ err }, 'events could not be moved to the audit log yet'),
    },
  )
  const trims = runPeriodically(() => trim(context), {
    firstMs: FIRST_TRIM_MS,
    everyMs: TRIM_EVERY_MS,
    onError: (err) => logger.error({ err }, 'old events could not be removed from the audit log'),
  })
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all([seals.stop(), trims.stop()])
      // Events of the last requests.
      await sealEvents(database).catch((err) =>
        logger.warn({ err }, 'the last events have no place in the audit log yet'),
      )
    },
  }
}

async function trim({ config: { audit }, database }: EventsContext): Promise<void> {
  const terms = { keepMs: audit.days === 0 ? undefined : audit.days * DAY_MS, maxSize: audit.sizeMib * MIB }
  while (await trimLog(database, terms, database.now()));
}
