import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { pageOf } from './error-pages.ts'
import { forwardUpgrade } from './forward/forward-upgrade.ts'
import { isHopByHop, requestHeaders } from './forward/request-headers.ts'
import { refusalOf } from './site-access.ts'
import type { UpstreamDeclaration } from './site-declaration.ts'
import { type ContentPlan, factsOf, type SiteTools, targetOf } from './site-exchange.ts'
import type { SiteRequest } from './site-handler.ts'
import { declareOrigin } from './upstream-origin.ts'

/** Passes a request to change the protocol on, after the same rules as any other. */
export async function proxyUpgrade(
  exchange: Omit<SiteRequest, 'response'>,
  client: { readonly socket: Duplex; readonly head: Buffer },
  tools: SiteTools,
): Promise<void> {
  const { site } = exchange
  const refuse = (status: number, challenge?: string): void => endWith(client.socket, status, challenge)
  if (site.closed) return refuse(503)
  const facts = factsOf(exchange)
  if (!facts) return refuse(400)
  const plan = site.server.route(facts)
  if (plan.kind === 'close') return void client.socket.destroy()
  if (plan.kind !== 'content') return refuse(plan.status)
  const refusal = await refusalOf({ ...exchange, facts }, plan, tools)
  if (refusal) return refuse(refusal.status, refusal.challenge)
  const upstream = upstreamOf({ ...exchange, facts }, plan)
  if (!upstream)
    return refuse(plan.content.kind === 'proxy' || targetOf({ ...exchange, facts }, plan) ? 501 : 404)
  const verdict = tools.limits.enter(plan.settings, plan.variable)
  if (verdict.kind === 'refuse') return refuse(verdict.status)
  try {
    await tryServers({ exchange, plan, upstream, client }, tools)
  } finally {
    verdict.release()
  }
}

function upstreamOf(
  exchange: Parameters<typeof targetOf>[0],
  plan: ContentPlan,
): UpstreamDeclaration | undefined {
  if (plan.content.kind === 'proxy') return declareOrigin(plan.content.origin)
  const target = targetOf(exchange, plan)
  return target?.kind === 'upstream' ? target.upstream : undefined
}

interface Attempt {
  readonly exchange: Omit<SiteRequest, 'response'>
  readonly plan: ContentPlan
  readonly upstream: UpstreamDeclaration
  readonly client: { readonly socket: Duplex; readonly head: Buffer }
}

async function tryServers({ exchange, plan, upstream, client }: Attempt, tools: SiteTools): Promise<void> {
  const { request, host, requestId } = exchange
  const headers = requestHeaders(
    request.headers,
    { ...exchange, requestUri: request.url ?? '/' },
    { settings: plan.settings, variable: plan.variable, isUpgrade: true },
  )
  const protocol = upstream.protocol === 'https' ? 'https' : 'http'
  let status = 503
  for (const server of tools.picker.order(upstream, exchange.remoteAddress)) {
    const end = tools.picker.begin(server)
    const outgoing = {
      protocol,
      host: server.host,
      port: server.port,
      method: request.method ?? 'GET',
      target: plan.target,
      headers,
      settings: plan.settings,
    } as const
    const outcome = await forwardUpgrade(outgoing, client, formatHead)
    end()
    if (outcome.kind !== 'failed') return
    const { reason, error } = outcome
    tools.logger.warn(
      {
        host,
        id: requestId,
        server: server.name,
        address: `${server.host}:${server.port}`,
        reason,
        cause: error.message,
      },
      'an upstream failed',
    )
    status = reason === 'timeout' ? 504 : 502
    if (reason !== 'unreachable') break
    tools.picker.fail(server)
  }
  endWith(client.socket, status)
}

/** The head of an upstream's answer as it goes to the client; of the hop only what changes the protocol. */
function formatHead(status: number, raw: readonly string[]): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`]
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase()
    if (status === 101 || !isHopByHop(name)) lines.push(`${raw[index]}: ${raw[index + 1]}`)
  }
  if (status !== 101) lines.push('Connection: close')
  return `${lines.join('\r\n')}\r\n\r\n`
}

function endWith(socket: Duplex, status: number, challenge?: string): void {
  if (socket.destroyed || !socket.writable) return
  const body = pageOf(status)
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: text/html; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...(challenge === undefined ? [] : [`WWW-Authenticate: ${challenge}`]),
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}
