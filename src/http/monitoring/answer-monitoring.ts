import { OciError } from '../../oci/errors.ts'
import { replyBytes, replyError, replyJson } from '../answer/reply.ts'
import type { Exchange } from '../request/exchange.ts'
import type { Monitoring } from './monitoring.ts'

/** Answers `/metrics` to the holder of the token. Errors: `NOT_FOUND` without a token of the operator, `UNSUPPORTED`. */
export async function answerMetrics(exchange: Exchange, monitoring: Monitoring | undefined): Promise<void> {
  if (!monitoring) throw new OciError('NOT_FOUND')
  const { method } = exchange.request
  if (method !== 'GET' && method !== 'HEAD')
    throw new OciError('UNSUPPORTED', { detail: { allow: ['GET', 'HEAD'] } })
  const token = readBearer(exchange)
  const verdict = await monitoring.judge(token, exchange.visit.remoteAddress)
  if (verdict.kind === 'refused') return refuse(exchange, token, verdict.retryAfterS)
  const { type, text } = await monitoring.scrape()
  replyBytes(exchange, Buffer.from(text), {
    headers: { 'content-type': type, 'cache-control': 'no-store' },
  })
}

/** True if a request has the token. A wrong one gets the short answer, so that a probe with an old token stays a probe. */
export async function mayReadDetail(
  exchange: Exchange,
  monitoring: Monitoring | undefined,
): Promise<boolean> {
  const token = readBearer(exchange)
  if (!monitoring || token === undefined) return false
  return (await monitoring.judge(token, exchange.visit.remoteAddress)).kind === 'accepted'
}

/** Answers `/readyz` with the result of each check. The status is that of the short answer. */
export async function answerDetail(
  exchange: Exchange,
  monitoring: Monitoring,
  findWarnings: () => Promise<readonly unknown[]>,
): Promise<void> {
  const checks = await monitoring.check()
  const isReady = checks.every(({ state }) => state !== 'failed')
  if (!isReady) exchange.errorCode = 'UNAVAILABLE'
  // They are read from the database, whose own check says why it fails.
  const warnings = isReady ? await findWarnings() : []
  const body = {
    status: isReady ? 'ready' : 'not-ready',
    checks,
    ...(warnings.length > 0 && { warnings }),
  }
  replyJson(exchange, body, { status: isReady ? 200 : 503, headers: { 'cache-control': 'no-store' } })
}

function readBearer({ request }: Exchange): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1]
}

function refuse(exchange: Exchange, token: string | undefined, retryAfterS: number | undefined): void {
  if (retryAfterS !== undefined) {
    const message = 'Too many wrong tokens from this address'
    replyError(exchange, new OciError('TOOMANYREQUESTS', { message, retryAfterS }))
    return
  }
  const message =
    token === undefined
      ? 'The metrics need the monitoring token: send it as Authorization: Bearer TOKEN'
      : 'The monitoring token is wrong'
  replyError(exchange, new OciError('UNAUTHORIZED', { message }), {
    'www-authenticate': `Bearer realm="monitoring"${token === undefined ? '' : ',error="invalid_token"'}`,
  })
}
