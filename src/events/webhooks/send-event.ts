import { createHmac } from 'node:crypto'
import type { GuardedRequest, SendGuarded } from '../../outgoing/guarded-request.ts'
import { OutgoingError } from '../../outgoing/outgoing-error.ts'
import type { StoredEvent } from '../event.ts'
import { formatBody } from './format-body.ts'
import type { Endpoint } from './webhook.ts'

/** Most bytes of an answer that are read: only its status counts. */
const MAX_ANSWER_BYTES = 4 * 1024
/** Begin of a key in the form of Standard Webhooks; the rest is base64. */
const KEY_PREFIX = 'whsec_'

/** Result of one attempt. */
export interface Attempt {
  /** True: the endpoint took it. */
  readonly isDelivered: boolean
  readonly status: number | undefined
  /** Undefined if it was delivered. */
  readonly reason: string | undefined
}

/** Parts of sending. */
export interface SendParts {
  readonly send: SendGuarded
  /** Scheme and host of this registry. */
  readonly registry: string
  readonly userAgent: string
}

/**
 * Sends an event to an endpoint, once. A failure is a result, not an error: the queue notes its reason and decides about
 * the next attempt. A redirect is one, too, as any status but 2xx: another server would get a body that was signed for this
 * one.
 */
export async function sendEvent(
  { send, registry, userAgent }: SendParts,
  endpoint: Omit<Endpoint, 'id'>,
  { event, signal }: { event: StoredEvent; signal?: AbortSignal },
): Promise<Attempt> {
  const { contentType, body } = formatBody(endpoint.format, event, registry)
  const request: GuardedRequest = {
    url: endpoint.url,
    method: 'POST',
    headers: {
      ...endpoint.headers,
      'content-type': contentType,
      'user-agent': userAgent,
      ...signBody(endpoint.secret, { id: event.id, body }),
    },
    body,
    timeoutMs: endpoint.timeoutMs,
    maxAnswerBytes: MAX_ANSWER_BYTES,
    mayCut: true,
    isPlainAllowed: true,
    ...(signal && { signal }),
  }
  try {
    const { status } = await send(request)
    const isDelivered = status >= 200 && status < 300
    return { isDelivered, status, reason: isDelivered ? undefined : `status ${status}` }
  } catch (error) {
    const reason = error instanceof OutgoingError ? error.message : 'the request could not be made'
    return { isDelivered: false, status: undefined, reason }
  }
}

/** Headers of Standard Webhooks: HMAC-SHA256 over id, time and body. */
function signBody(
  secret: string | undefined,
  { id, body, now = Date.now() }: { id: string; body: string; now?: number },
): Record<string, string> {
  const timestamp = String(Math.floor(now / 1_000))
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp }
  if (secret === undefined) return headers
  const key = secret.startsWith(KEY_PREFIX) ? Buffer.from(secret.slice(KEY_PREFIX.length), 'base64') : secret
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { ...headers, 'webhook-signature': `v1,${signature}` }
}
