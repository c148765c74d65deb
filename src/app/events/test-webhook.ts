import type { Config } from '../../config/config.ts'
import type { StoredEvent } from '../../events/event.ts'
import { type Attempt, sendEvent } from '../../events/webhooks/send-event.ts'
import type { Endpoint } from '../../events/webhooks/webhook.ts'
import { createGuardedRequest } from '../../outgoing/guarded-request.ts'
import { createTargetGuard } from '../../outgoing/target-networks.ts'
import { registryUrl } from './keep-events.ts'

/** Sends an event that is marked as a test to a webhook, once, at once. */
export function testWebhook(
  config: Config,
  endpoint: Endpoint,
  { id, userAgent }: { id: string; userAgent: string },
): Promise<Attempt> {
  const event: StoredEvent = {
    id,
    at: new Date().toISOString(),
    action: 'webhook.test',
    outcome: 'done',
    via: 'command',
    repository: 'berth/test',
    tags: [{ name: 'test' }],
  }
  const send = createGuardedRequest({ mayReach: createTargetGuard(config.outgoingNetworks) })
  return sendEvent({ send, registry: registryUrl(config), userAgent }, endpoint, { event })
}
