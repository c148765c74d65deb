import { runWithOrigin } from '../../events/origin.ts'
import type { Exchange } from './exchange.ts'

/** Runs the work on a request so that the events which it causes name the request. */
export function withOrigin<R>(exchange: Exchange, work: () => R): R {
  const { request, visit } = exchange
  const { method, headers } = request
  const isRead = method === 'GET' || method === 'HEAD'
  // A pull with a token, of which there are very many, changes nothing and is no log-in.
  if (isRead && headers.authorization?.startsWith('Bearer ') === true) return work()
  return runWithOrigin(
    {
      who: () => (exchange.principal.kind === 'anonymous' ? undefined : exchange.principal.name),
      address: visit.remoteAddress,
      requestId: visit.requestId,
      userAgent: headers['user-agent'],
    },
    work,
  )
}
