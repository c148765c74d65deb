import { isOutOfDescriptors } from '../../../stream/descriptors.ts'
import type { LocationSettings } from '../../vhost/settings/settings.ts'
import { ConnectFailed, type ConnectFailure, wasUsed } from '../connect/connect-server.ts'
import type { BodyStopped } from './request-body.ts'

/** Reason why an upstream gave no answer that can be passed on. */
export type UpstreamFailure =
  /** No connection: nothing was sent, another server can be tried. */
  | ConnectFailure
  /** The connection ended before an answer began. */
  | 'no-answer'
  | 'timeout'
  /** The answer breaks the rules of HTTP, or its head is too large. */
  | 'bad-answer'
  /** The client's body stopped. */
  | 'body'
  | 'aborted'

/** Kind of a failure, for figures: the reasons that are faults of the server, and of them the refused connections apart. */
export type FailureKind = Exclude<UpstreamFailure, 'body' | 'aborted'> | 'refused'

/** The kind of a failure; undefined if it is none of the server. */
export function toFailureKind(reason: UpstreamFailure, error: Error): FailureKind | undefined {
  if (reason === 'body' || reason === 'aborted' || isOutOfDescriptors(error)) return undefined
  return reason === 'unreachable' && causeOf(error).code === 'ECONNREFUSED' ? 'refused' : reason
}

/** Code of an error for an answer that did not come in time. */
export const ANSWER_TIMEOUT = 'ANSWER_TIMEOUT'

const TIMEOUTS: ReadonlySet<string> = new Set([
  ANSWER_TIMEOUT,
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
])
const BAD_ANSWERS: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'ERR_HTTP2_ERROR',
])

/**
 * The reason behind an error. The end of an established connection does not show that nothing was sent: the system
 * reports `ETIMEDOUT` and `EHOSTUNREACH` for such, too.
 */
export function toReason(error: Error & { readonly code?: string }): UpstreamFailure {
  if (error instanceof ConnectFailed) return error.reason
  if ((error as Partial<BodyStopped>).name === 'BodyStopped') return 'body'
  const code = error.code ?? ''
  if (TIMEOUTS.has(code)) return 'timeout'
  if (BAD_ANSWERS.has(code) || code.startsWith('HPE_') || error.name === 'HTTPParserError')
    return 'bad-answer'
  return 'no-answer'
}

/** True if nothing was sent, so that another server may be tried for any request. */
export function isUnsent(reason: UpstreamFailure): boolean {
  return reason === 'unreachable' || reason === 'connect-timeout' || reason === 'tls'
}

/**
 * True if a connection that had received bytes before ended in place of an answer: a server that ends idle connections
 * may do so at the moment of a request. undici reports ends, the connection errors.
 */
export function wasIdleTooLong(
  reason: UpstreamFailure,
  error: Error & { readonly socket?: unknown },
): boolean {
  if (reason !== 'no-answer') return false
  const { bytesRead } = (error.socket ?? {}) as { bytesRead?: unknown }
  return (typeof bytesRead === 'number' && bytesRead > 0) || wasUsed(error)
}

/** Status for a visitor if no other server is left. */
export function toStatus(reason: UpstreamFailure): 502 | 504 {
  return reason === 'timeout' || reason === 'connect-timeout' ? 504 : 502
}

/** Methods that may be sent a second time (RFC 9110 section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])

/** True if another server may be tried, by `proxy_next_upstream` and the method. */
export function mayTryNext(
  reason: UpstreamFailure,
  { method, settings }: { method: string; settings: LocationSettings },
): boolean {
  const { nextUpstream } = settings
  if (!nextUpstream.includes(toStatus(reason) === 504 ? 'timeout' : 'error')) return false
  return isUnsent(reason) || IDEMPOTENT.has(method) || nextUpstream.includes('non_idempotent')
}

/** True if another server may be tried after an answer of some status. */
export function mayTryAfter(
  status: number,
  { method, settings }: { method: string; settings: LocationSettings },
): boolean {
  const { nextUpstream } = settings
  if (!nextUpstream.some((word) => word === `http_${status}`)) return false
  return IDEMPOTENT.has(method) || nextUpstream.includes('non_idempotent')
}

/** Text of an error for the operator's log: its own message, and its code if there is one. */
export function causeOf(error: Error & { readonly code?: unknown }): { cause: string; code?: string } {
  const { code } = (error instanceof ConnectFailed ? error.cause : error) as { code?: unknown }
  return { cause: error.message, ...(typeof code === 'string' && { code }) }
}
