import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { isOutOfDescriptors } from '../../../stream/descriptors.ts'
import type { Answering, JudgedVisit } from '../../exchange/site-exchange.ts'
import { type ContentPlan, findTarget, logTooLarge, type SiteExchange } from '../../exchange/site-exchange.ts'
import type { SiteVisit } from '../../exchange/site-handler.ts'
import { judgeAccess, type Refusal } from '../../judge/judge-access.ts'
import { judgeRequest } from '../../judge/judge-request.ts'
import { enterLimits } from '../../judge/rate-limits.ts'
import type { UpstreamDeclaration, UpstreamServer } from '../../sites/site-declaration.ts'
import { accessLogFor } from '../../vhost/settings/access.ts'
import type { LocationSettings } from '../../vhost/settings/settings.ts'
import { countFailure, type ForwardTools } from '../forward-tools.ts'
import { answerHeaders, isIntercepted, passIncoming } from '../pass/pass-answer.ts'
import { declareOrigin } from '../pass/upstream-origin.ts'
import { BODY_STATUS } from '../proxy-request.ts'
import { hasBody } from '../send/request-body.ts'
import { requestHeaders } from '../send/request-headers.ts'
import { beginCall } from '../send/trace-call.ts'
import { causeOf, isUnsent, mayTryAfter, mayTryNext, toStatus } from '../send/upstream-failure.ts'
import { forwardUpgrade, type UpgradeOutcome } from './forward-upgrade.ts'
import { type Conversation, whenOver } from './join-sockets.ts'
import { upgradeBody } from './upgrade-body.ts'
import { ClientWatch } from './watch-client.ts'

const http = process.getBuiltinModule('node:http')

/** Result of an upgrade for the access log. */
export interface UpgradeResult {
  readonly status: number
  /** undefined: there is none, and nothing was sent. */
  readonly conversation: Conversation | undefined
  /** Of the vhost file. */
  readonly accessLog: LocationSettings['accessLog']
}

/** Answers to a request that does not change the protocol: as to any other of its site. */
export interface UpgradeAnswers {
  /** Begins an answer, after which the connection ends. */
  respond(): Answering
  /** Answers the request like one without an upgrade. */
  serve(visit: SiteVisit, answering: Answering): Promise<void>
  refuse(exchange: SiteExchange, plan: ContentPlan, refusal: Refusal): Promise<void>
}

interface Client {
  readonly socket: Duplex
  readonly head: Buffer
}

/** nginx's status for a client that did not wait. */
const GONE = { status: 499, conversation: undefined }

/**
 * Passes a request to change the protocol on, after the same rules as any other.
 * @returns the data for the access log, once the new protocol is over; undefined: there was an answer, which is logged
 * by itself. Nothing that belongs to the request is held while the conversation lasts.
 */
export async function proxyUpgrade(
  visit: SiteVisit,
  client: Client,
  { tools, answers }: { tools: ForwardTools; answers: UpgradeAnswers },
): Promise<UpgradeResult | undefined> {
  const way = findWay(visit, tools)
  // The table, or a file that was looked up, changed a moment ago.
  if (!way) return void (await answers.serve(visit, answers.respond()))
  const { plan, settings } = way
  const accessLog = accessLogFor(settings, way.visit.facts.method)
  const watch = new ClientWatch(client, visit.request)
  const respond = (): SiteExchange => {
    watch.release()
    return { ...way.visit, ...answers.respond() }
  }
  const refuse = async (refusal: Refusal): Promise<undefined> => {
    await answers.refuse(respond(), plan, refusal)
  }
  const refusal = await judgeAccess(way.visit, plan, tools)
  if (watch.isGone) return { ...GONE, accessLog }
  if (refusal) return refuse(refusal)
  const announced = Number(visit.headers['content-length'] ?? 0)
  if (settings.maxBodyBytes > 0 && announced > settings.maxBodyBytes) {
    logTooLarge(way.visit, settings, tools)
    return refuse({ status: 413 })
  }
  const { trail } = way.visit
  const verdict = await enterLimits(tools.limits, { settings, trail, variable: plan.variable })
  if (verdict.kind === 'refuse') {
    tools.logger.warn({ host: visit.host, zone: verdict.zone, remote: visit.remoteAddress }, 'limited')
    return refuse({ status: verdict.status })
  }
  let result: Omit<UpgradeResult, 'accessLog'> | undefined
  try {
    if (verdict.kind === 'wait') await sleep(verdict.ms)
    result = await tryServers({ ...way, client: { ...client, watch }, refuse, respond }, tools)
  } finally {
    if (result?.conversation) whenOver(result.conversation, verdict.release)
    else verdict.release()
  }
  return result && { ...result, accessLog }
}

/**
 * True if a request to change the protocol leads to an upstream that supports it. Otherwise it is a request like any
 * other: an answer of a vhost file, files, or an upstream that speaks HTTP/2 only.
 */
export function mayUpgrade(visit: SiteVisit, tools: ForwardTools): boolean {
  return findWay(visit, tools) !== undefined
}

interface Way {
  readonly visit: JudgedVisit
  readonly plan: ContentPlan
  readonly settings: LocationSettings
  readonly upstream: UpstreamDeclaration
}

function findWay(arrived: SiteVisit, tools: ForwardTools): Way | undefined {
  const judged = arrived.site.closed ? undefined : judgeRequest(arrived, tools)
  if (!judged || 'refused' in judged || judged.plan.kind !== 'content') return undefined
  const { visit, plan } = judged
  const upstream = findUpstream(visit, plan)
  if (!upstream || HTTP2_ONLY.has(upstream.protocol)) return undefined
  return { visit, plan, settings: plan.settings, upstream }
}

const HTTP2_ONLY: ReadonlySet<string> = new Set(['h2c', 'grpc', 'grpcs'])

function findUpstream(visit: JudgedVisit, plan: ContentPlan): UpstreamDeclaration | undefined {
  if (plan.content.kind === 'proxy') return declareOrigin(plan.content.origin)
  const target = findTarget(visit, plan)
  return target?.kind === 'upstream' ? target.upstream : undefined
}

interface Attempt extends Way {
  readonly client: Client & { readonly watch: ClientWatch }
  readonly respond: () => SiteExchange
  readonly refuse: (refusal: Refusal) => Promise<undefined>
}

async function tryServers(
  attempt: Attempt,
  tools: ForwardTools,
): Promise<Omit<UpgradeResult, 'accessLog'> | undefined> {
  const { visit, upstream, client } = attempt
  const send = createSender(attempt, tools)
  const servers = tools.picker.order(upstream, visit.remoteAddress)
  let status = 503
  for (const [index, server] of servers.entries()) {
    if (client.watch.isGone) return GONE
    const end = tools.picker.begin(server)
    if (!end) continue
    let outcome: UpgradeOutcome | undefined
    try {
      outcome = await send(server)
      if (outcome.kind === 'upgraded') return outcome
      const isLast = index === servers.length - 1
      if (outcome.kind === 'answered') {
        if (isLast || !mayTryAfterAnswer(attempt, outcome.answer))
          return await passAnswer(attempt, server, outcome.answer)
        outcome.answer.destroy()
        tools.picker.fail(server)
        continue
      }
      if (client.watch.isGone) return GONE
      const bodyFailure = send.bodyFailure()
      if (bodyFailure === BODY_STATUS['too-large']) logTooLarge(visit, attempt.settings, tools)
      if (bodyFailure !== undefined) return attempt.refuse({ status: bodyFailure })
      status = isOutOfDescriptors(outcome.error) ? 503 : toStatus(outcome.reason)
      noteFailure(attempt, { server, tools, outcome })
      if (send.isBodyBegun() || !mayTryNext(outcome.reason, toRules(attempt))) break
    } finally {
      if (outcome?.kind === 'upgraded') whenOver(outcome.conversation, end)
      else end()
    }
  }
  return attempt.refuse({ status })
}

function toRules({ visit, settings }: Way): { method: string; settings: LocationSettings } {
  return { method: visit.facts.method, settings }
}

function mayTryAfterAnswer(attempt: Attempt, { statusCode = 0 }: IncomingMessage): boolean {
  return !hasBody(attempt.visit, false) && mayTryAfter(statusCode, toRules(attempt))
}

function noteFailure(
  { visit: { host, requestId, site } }: Attempt,
  {
    server,
    tools,
    outcome: { reason, error },
  }: { server: UpstreamServer; tools: ForwardTools; outcome: Extract<UpgradeOutcome, { kind: 'failed' }> },
): void {
  const address = `${server.host}:${server.port}`
  tools.logger.warn(
    { host, id: requestId, server: server.name, address, reason, ...causeOf(error) },
    'an upstream failed',
  )
  countFailure(tools, site, { reason, error })
  // A failure of this process to open a connection is no fault of the server.
  if (isUnsent(reason) && !isOutOfDescriptors(error)) tools.picker.fail(server)
}

/** Sends the same request to one server after the other. */
function createSender(attempt: Attempt, { loopId }: ForwardTools) {
  const { visit, plan, upstream, client } = attempt
  const { request } = visit
  const body = upgradeBody(attempt)
  const send = async (server: UpstreamServer): Promise<UpgradeOutcome> => {
    const { host, port } = server
    const call = beginCall(visit, upstream, server)
    const headers = requestHeaders(
      visit.headers,
      { ...visit, requestUri: visit.target },
      { settings: plan.settings, variable: plan.variable, isUpgrade: true, loopId, trace: call?.headers },
    )
    if (body) headers.push(...body.headers)
    const outgoing = {
      protocol: upstream.protocol === 'https' ? 'https' : 'http',
      host,
      port,
      method: request.method ?? 'GET',
      target: plan.target,
      headers,
      settings: plan.settings,
      body: body?.bytes,
    } as const
    const outcome = await forwardUpgrade(outgoing, client, (status, raw) =>
      formatHead(status, raw, answerHeaders(visit, plan, { status, raw, upstream, server })),
    )
    if (outcome.kind === 'failed') call?.end(0, outcome.reason)
    else call?.end(outcome.kind === 'answered' ? (outcome.answer.statusCode ?? 0) : outcome.status)
    return outcome
  }
  return Object.assign(send, {
    isBodyBegun: () => body?.isBegun() ?? false,
    bodyFailure: () => body?.failure(),
  })
}

/** Passes on the answer that came in place of another protocol. */
async function passAnswer(
  { plan, settings, upstream, respond, refuse }: Attempt,
  server: UpstreamServer,
  answer: IncomingMessage,
): Promise<undefined> {
  const status = answer.statusCode ?? 502
  if (!isIntercepted(settings, status)) return passIncoming(respond(), plan, { answer, upstream, server })
  answer.destroy()
  return refuse({ status })
}

/** The head that changes the protocol; the value of a variable in it must not end a line. */
function formatHead(status: number, raw: readonly string[], list: readonly string[]): string {
  const lines = [`HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}`, 'Connection: Upgrade']
  const at = raw.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === 'upgrade')
  if (at >= 0) lines.push(`Upgrade: ${raw[at + 1]}`)
  for (let index = 0; index < list.length; index += 2) {
    lines.push(`${list[index]}: ${list[index + 1]?.replace(/[^\t\x20-\x7e\x80-\xff]/g, '')}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}
