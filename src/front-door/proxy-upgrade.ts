import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LocationSettings } from './directives/settings.ts'
import { pageOf, RETRY_AFTER_S } from './error-pages.ts'
import { forwardUpgrade } from './forward/forward-upgrade.ts'
import { BodyStopped, hasBody, readBody } from './forward/request-body.ts'
import { isHopByHop, requestHeaders } from './forward/request-headers.ts'
import { causeOf, isUnsent, mayTryNext, statusOf } from './forward/upstream-failure.ts'
import { BODY_STATUS } from './proxy-request.ts'
import { enterLimits } from './rate-limits.ts'
import { refusalOf } from './site-access.ts'
import type { UpstreamDeclaration } from './site-declaration.ts'
import {
  type ContentPlan,
  enterSite,
  hstsOf,
  type SiteExchange,
  type SiteTools,
  targetOf,
  tellTooLarge,
} from './site-exchange.ts'
import type { SiteRequest } from './site-handler.ts'
import { declareOrigin } from './upstream-origin.ts'

/** What the access log is told. */
export interface UpgradeResult {
  readonly status: number
  readonly bytes: number
  /** Of the vhost file. */
  readonly accessLog: LocationSettings['accessLog']
}

/** nginx's word for a client that did not wait. */
const GONE = { status: 499, bytes: 0 }

/** Passes a request to change the protocol on, after the same rules as any other. */
export async function proxyUpgrade(
  exchange: Omit<SiteRequest, 'response'>,
  client: { readonly socket: Duplex; readonly head: Buffer },
  tools: SiteTools,
): Promise<UpgradeResult> {
  const way = wayOf(exchange)
  const { accessLog } = way?.settings ?? exchange.site.server.settings
  const refuse = (status: number, challenge?: string): UpgradeResult => {
    const headers = [...hstsLines(exchange), ...(challenge ? [`WWW-Authenticate: ${challenge}`] : [])]
    return { status, bytes: endWith(client.socket, status, headers), accessLog }
  }
  // The table, or a file that was looked for, changed a moment ago.
  if (!way) return refuse(503)
  const { plan, settings } = way
  const refusal = await refusalOf(way.exchange, plan, tools)
  if (refusal) return refuse(refusal.status, refusal.challenge)
  const announced = Number(exchange.request.headers['content-length'] ?? 0)
  if (settings.maxBodyBytes > 0 && announced > settings.maxBodyBytes) {
    tellTooLarge(way.exchange, settings, tools)
    return refuse(413)
  }
  const verdict = await enterLimits(tools.limits, settings, plan.variable)
  if (verdict.kind === 'refuse') return refuse(verdict.status)
  try {
    if (verdict.kind === 'wait') await sleep(verdict.ms)
    const result = client.socket.destroyed ? GONE : await tryServers({ ...way, client }, tools)
    return { ...result, accessLog }
  } finally {
    verdict.release()
  }
}

/**
 * Whether a request to change the protocol leads to an upstream that can be asked for it. Otherwise it is a request
 * like any other: what a vhost file answers, files, an upstream that speaks HTTP/2 only.
 */
export function mayUpgrade(exchange: Omit<SiteRequest, 'response'>): boolean {
  return wayOf(exchange) !== undefined
}

interface Way {
  readonly exchange: Omit<SiteExchange, 'response'>
  readonly plan: ContentPlan
  readonly settings: LocationSettings
  readonly upstream: UpstreamDeclaration
}

function wayOf(request: Omit<SiteRequest, 'response'>): Way | undefined {
  const exchange = request.site.closed ? undefined : enterSite(request)
  if (!exchange) return undefined
  const plan = exchange.site.server.route(exchange.facts)
  if (plan.kind !== 'content') return undefined
  const upstream = upstreamOf(exchange, plan)
  if (!upstream || HTTP2_ONLY.has(upstream.protocol)) return undefined
  return { exchange, plan, settings: plan.settings, upstream }
}

const HTTP2_ONLY: ReadonlySet<string> = new Set(['h2c', 'grpc', 'grpcs'])

function upstreamOf(
  exchange: Parameters<typeof targetOf>[0],
  plan: ContentPlan,
): UpstreamDeclaration | undefined {
  if (plan.content.kind === 'proxy') return declareOrigin(plan.content.origin)
  const target = targetOf(exchange, plan)
  return target?.kind === 'upstream' ? target.upstream : undefined
}

interface Attempt extends Way {
  readonly client: { readonly socket: Duplex; readonly head: Buffer }
}

async function tryServers(
  attempt: Attempt,
  tools: SiteTools,
): Promise<Pick<UpgradeResult, 'status' | 'bytes'>> {
  const { exchange, plan, upstream, client } = attempt
  const { request, host, requestId } = exchange
  const headers = requestHeaders(
    request.headers,
    { ...exchange, requestUri: request.url ?? '/' },
    { settings: plan.settings, variable: plan.variable, isUpgrade: true },
  )
  const body = bodyOf(attempt)
  if (body) headers.push(...body.headers)
  const protocol = upstream.protocol === 'https' ? 'https' : 'http'
  let status = 503
  for (const server of tools.picker.order(upstream, exchange.remoteAddress)) {
    const end = tools.picker.begin(server)
    if (!end) continue
    const outgoing = {
      protocol,
      host: server.host,
      port: server.port,
      method: request.method ?? 'GET',
      target: plan.target,
      headers,
      settings: plan.settings,
      body: body?.bytes,
    } as const
    const outcome = await forwardUpgrade(outgoing, client, (...head) =>
      formatHead(...head, hstsLines(exchange)),
    )
    end()
    if (outcome.kind !== 'failed') return outcome
    const { reason, error } = outcome
    tools.logger.warn(
      {
        host,
        id: requestId,
        server: server.name,
        address: `${server.host}:${server.port}`,
        reason,
        ...causeOf(error),
      },
      'an upstream failed',
    )
    status = body?.failure() ?? statusOf(reason)
    if (isUnsent(reason)) tools.picker.fail(server)
    if (body?.isBegun() || !mayTryNext(reason, { method: outgoing.method, settings: plan.settings })) break
  }
  return { status, bytes: endWith(client.socket, status, hstsLines(exchange)) }
}

/** What is sent with the request, as `docker exec` does; undefined: nothing. It can be read once. */
function bodyOf({ exchange, settings, client }: Attempt): UpgradeBody | undefined {
  const incoming = exchange.request as IncomingMessage
  if (!hasBody(incoming, false)) return undefined
  const state: { isBegun: boolean; failure: number | undefined } = { isBegun: false, failure: undefined }
  const bounds = {
    maxBytes: settings.maxBodyBytes,
    readGapMs: settings.clientBodyTimeoutMs,
    writeGapMs: settings.proxySendTimeoutMs,
  }
  async function* read(): AsyncGenerator<Buffer> {
    state.isBegun = true
    if (incoming.headers.expect !== undefined) client.socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    try {
      yield* readBody(incoming, bounds, () => client.socket.destroy())
    } catch (error) {
      if (error instanceof BodyStopped) state.failure = BODY_STATUS[error.reason]
      throw error
    }
  }
  const length = incoming.headers['content-length']
  return {
    headers: length === undefined ? ['transfer-encoding', 'chunked'] : ['content-length', length],
    bytes: read(),
    isBegun: () => state.isBegun,
    failure: () => state.failure,
  }
}

interface UpgradeBody {
  readonly headers: readonly string[]
  readonly bytes: AsyncIterable<Buffer>
  isBegun(): boolean
  /** The status to answer with where the client's body ended it. */
  failure(): number | undefined
}

/** HSTS of the host, for answers that do not change the protocol. */
function hstsLines(exchange: Omit<SiteRequest, 'response'>): string[] {
  const hsts = exchange.scheme === 'https' ? hstsOf(exchange) : undefined
  return hsts === undefined ? [] : [`Strict-Transport-Security: ${hsts}`]
}

/** The head of an upstream's answer as it goes to the client; of the hop only what changes the protocol. */
function formatHead(status: number, raw: readonly string[], added: readonly string[]): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`]
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase()
    if (status === 101 || !isHopByHop(name)) lines.push(`${raw[index]}: ${raw[index + 1]}`)
  }
  if (status !== 101) lines.push(...added, 'Connection: close')
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** @returns the bytes of the page. */
function endWith(socket: Duplex, status: number, headers: readonly string[]): number {
  if (socket.destroyed || !socket.writable) return 0
  const body = pageOf(status)
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: text/html; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...(status === 503 || status === 429 ? [`Retry-After: ${RETRY_AFTER_S}`] : []),
    ...headers,
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
  return Buffer.byteLength(body)
}
