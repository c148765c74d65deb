import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import { sealEvents } from '../../events/audit/seal-events.ts'
import { trimLog } from '../../events/audit/trim-log.ts'
import type { EventsSchema } from '../../events/schema.ts'
import { Deliverer } from '../../events/webhooks/deliverer.ts'
import { DeliveryQueue } from '../../events/webhooks/delivery-queue.ts'
import { queueDeliveries } from '../../events/webhooks/queue-deliveries.ts'
import { syncWebhooks } from '../../events/webhooks/webhook-manager.ts'
import type { ProcessMetrics } from '../../metrics/process-metrics.ts'
import { createGuardedRequest } from '../../outgoing/guarded-request.ts'
import { createTargetGuard } from '../../outgoing/target-networks.ts'
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
  readonly config: Config
  /** Counts requests to webhooks; undefined: nothing does. */
  readonly metrics: ProcessMetrics | undefined
  readonly userAgent: string
  readonly logger: Logger
  readonly database: Database<EventsSchema>
}

/** Gives events their place in the audit log and removes old ones, until it is disposed. */
export function keepEvents(context: EventsContext): AsyncDisposable {
  const { logger, database } = context
  const queue = new DeliveryQueue(database)
  const deliverer = createDeliverer(context, queue)
  let isSynced = false
  let isFailing = false
  const seals = runPeriodically(
    async () => {
      if (!isSynced) {
        await queue.endLostTurn()
        await sync(context)
      }
      isSynced = true
      while (await sealEvents(database, queueDeliveries));
      await deliverer.run()
      if (isFailing) logger.info('events are moved to the audit log, and announced, again')
      isFailing = false
    },
    {
      firstMs: SEAL_EVERY_MS,
      everyMs: SEAL_EVERY_MS,
      onError(err) {
        // Tried each second: an outage has a line at its begin and at its end.
        if (!isFailing)
          logger.error({ err }, 'events cannot be moved to the audit log, or announced, for the time being')
        isFailing = true
      },
    },
  )
  const trims = runPeriodically(() => trim(context, queue), {
    firstMs: FIRST_TRIM_MS,
    everyMs: TRIM_EVERY_MS,
    onError: (err) => logger.error({ err }, 'old events could not be removed from the audit log'),
  })
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all([seals.stop(), trims.stop()])
      await deliverer.stop()
      // Events of the last requests.
      await sealEvents(database, queueDeliveries).catch((err) =>
        logger.warn({ err }, 'the last events have no place in the audit log yet'),
      )
    },
  }
}

async function sync({ config, database, logger }: EventsContext): Promise<void> {
  const webhooks = config.webhooks.map((webhook) => ({ ...webhook, secret: webhook.secret }))
  const taken = await syncWebhooks(database, webhooks)
  if (taken.length > 0)
    logger.warn(
      { webhooks: taken },
      'webhooks of the settings have the names of others, made by a command: these stay',
    )
}

function createDeliverer(
  { config, metrics, logger, userAgent }: EventsContext,
  queue: DeliveryQueue,
): Deliverer {
  return new Deliverer({
    queue,
    send: createGuardedRequest({ mayReach: createTargetGuard(config.outgoingNetworks) }),
    registry: registryUrl(config),
    userAgent,
    onAttempt: ({ name }, { isDelivered, isDead, status, reason }) => {
      metrics?.meter.count('berth_webhook_attempts_total', {
        result: isDelivered ? 'delivered' : isDead ? 'dead' : 'failed',
      })
      if (!isDelivered)
        logger[isDead ? 'error' : 'debug'](
          { webhook: name, status, reason },
          'a webhook did not take an event',
        )
    },
    onError: (err) => logger.error({ err }, 'deliveries to webhooks could not be noted'),
  })
}

/** Scheme and host of this registry, for those who get events. */
export function registryUrl({ publicUrl, frontDoor }: Pick<Config, 'publicUrl' | 'frontDoor'>): string {
  const [domain] = frontDoor?.domains ?? []
  return publicUrl ?? (domain === undefined ? 'http://localhost' : `https://${domain}`)
}

async function trim({ config: { audit }, database }: EventsContext, queue: DeliveryQueue): Promise<void> {
  const terms = { keepMs: audit.days === 0 ? undefined : audit.days * DAY_MS, maxSize: audit.sizeMib * MIB }
  while (await trimLog(database, terms, database.now()));
  await queue.forget()
}
