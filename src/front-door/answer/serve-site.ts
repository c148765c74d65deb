import { randomBytes } from 'node:crypto'
import { sendOwn, sendSitePage } from '../exchange/own-answer.ts'
import type { Answering, RequestRecord } from '../exchange/site-exchange.ts'
import {
  type ContentPlan,
  findTarget,
  hasLeft,
  logRefusedTarget,
  logTooLarge,
  type SiteExchange,
  setHeader,
  setHsts,
} from '../exchange/site-exchange.ts'
import type { SiteHandler, SiteVisit } from '../exchange/site-handler.ts'
import { ServerPicker } from '../forward/connect/pick-server.ts'
import { UpstreamPools } from '../forward/connect/upstream-pools.ts'
import { stayHere } from '../forward/pass/turn-redirect.ts'
import { proxyRequest } from '../forward/proxy-request.ts'
import { Http2Upstreams } from '../forward/send/forward-h2c.ts'
import { mayUpgrade, proxyUpgrade, type UpgradeAnswers } from '../forward/upgrade/proxy-upgrade.ts'
import { responseOn } from '../forward/upgrade/upgrade-response.ts'
import type { Refusal } from '../judge/judge-access.ts'
import { authorizeInTrace, routeInTrace } from '../judge/judge-in-trace.ts'
import { enterLimits } from '../judge/rate-limits.ts'
import type { DoorResponse } from '../listen/http/messages/door-request.ts'
import type { Http1Request } from '../listen/http/messages/http1-message.ts'
import { sendPage } from '../listen/http/refusals/error-pages.ts'
import type { Plan } from '../vhost/route/plan.ts'
import { accessLogFor } from '../vhost/settings/access.ts'
import type { LocationSettings } from '../vhost/settings/settings.ts'
import { toBytes } from '../vhost/syntax/byte-text.ts'
import { escapeHeader } from '../vhost/syntax/escape-uri.ts'
import type { AnswerTools, SiteHandlerParts } from './answer-tools.ts'
import { findType } from './files/file-types.ts'
import { FILE_METHODS, serveFiles } from './files/files-content.ts'
import { STRICT } from './files/find-file.ts'
import { logUpgrade, recordRequest } from './record-request.ts'
import { serveRegistry } from './serve-registry.ts'
import type { SiteLog } from './site-access-log.ts'

/** Most internal redirects of one request (error_page, try_files), as in nginx. */
const MAX_REDIRECTS = 10
/** Enough to differ from those of all other proxies on the way. */
const LOOP_ID_BYTES = 8
/** Least time between two lines about readers that were ended, in milliseconds. */
const LOG_ENDED_EVERY_MS = 10_000

/** A handler that holds connections to upstreams. */
interface ClosableSiteHandler extends SiteHandler, AsyncDisposable {}

/** Creates the handler of all sites. */
export function createSiteHandler(parts: SiteHandlerParts): ClosableSiteHandler {
  const tools: AnswerTools = {
    ...parts,
    loopId: `berth-${randomBytes(LOOP_ID_BYTES).toString('hex')}`,
    pools: new UpstreamPools(),
    http2Upstreams: new Http2Upstreams(),
    picker: new ServerPicker({
      ...(parts.maxRequestsPerServer !== undefined && { maxPerServer: parts.maxRequestsPerServer }),
      onFull: ({ name, host, port }, underWay) =>
        parts.logger.warn(
          { server: name, address: `${host}:${port}`, ...underWay },
          'a server has the largest number of requests that one may have; further ones are answered with 503',
        ),
    }),
  }
  const endedLog = logEnded(parts)
  // The registry has access lines of its own.
  const findLog = ({ site }: Pick<SiteVisit, 'site'>): SiteLog | undefined =>
    site.declaration.source.kind === 'registry' ? undefined : parts.siteLog
  const record = (
    visit: SiteVisit,
    response: DoorResponse,
    startedAt?: number,
  ): RequestRecord | undefined => {
    const log = findLog(visit)
    return log && recordRequest(log, { visit, response }, startedAt)
  }
  return {
    observe: (visit, response) => void record(visit, response),
    async serve(visit, response) {
      try {
        await serve(visit, { response, record: record(visit, response), holds: parts.holds }, tools)
      } catch (err) {
        parts.logger.error({ err, host: visit.host, id: visit.requestId }, 'a site could not be served')
        setHsts(response, visit)
        sendPage(response, 500, { 'x-request-id': visit.requestId })
      }
    },
    mayUpgrade: (visit) => mayUpgrade(visit, tools),
    async upgrade(visit, socket, head) {
      const startedAt = performance.now()
      const answers: UpgradeAnswers = {
        respond() {
          const response = responseOn(visit.request as Http1Request, socket)
          return { response, record: record(visit, response, startedAt), holds: parts.holds }
        },
        serve: (answered, answering) => serve(answered, answering, tools),
        refuse: (answered, plan, refusal) => answerRefusal(answered, { plan, refusal, redirects: 0 }, tools),
      }
      try {
        const result = await proxyUpgrade(visit, { socket, head }, { tools, answers })
        if (result) visit.trace?.end(result.status)
        const log = findLog(visit)
        if (log && result) logUpgrade(log, visit, { ...result, startedAt })
      } catch (err) {
        parts.logger.error({ err, host: visit.host, id: visit.requestId }, 'a site could not be served')
        socket.destroy()
      }
    },
    async [Symbol.asyncDispose]() {
      endedLog[Symbol.dispose]()
      tools.http2Upstreams[Symbol.dispose]()
      await tools.pools[Symbol.asyncDispose]()
    },
  }
}

/** Logs the readers that were ended, but not a line for each. */
function logEnded({ logger, holds }: Pick<SiteHandlerParts, 'logger' | 'holds'>): Disposable {
  let ended = { answers: 0, bytes: 0 }
  let loggedAt = Number.NEGATIVE_INFINITY
  return holds.onEnded(({ answers, bytes }) => {
    ended = { answers: ended.answers + answers, bytes: ended.bytes + bytes }
    if (performance.now() - loggedAt < LOG_ENDED_EVERY_MS) return
    loggedAt = performance.now()
    logger.warn(ended, 'answers that their clients did not read were ended, as others waited for them')
    ended = { answers: 0, bytes: 0 }
  })
}

async function serve(visit: SiteVisit, answering: Answering, tools: AnswerTools): Promise<void> {
  const { response, record } = answering
  const { site } = visit
  const judging = site.closed ? undefined : routeInTrace(visit, tools)
  const judged = judging instanceof Promise ? await judging : judging
  if (!judged || 'refused' in judged) {
    setHsts(response, visit)
    if (judged) {
      logRefusedTarget(visit, judged, tools)
      if (record) record.reason = judged.refused
    }
    const status = judged ? (judged.status ?? 400) : 503
    return sendPage(response, status, { 'x-request-id': visit.requestId }, site.errorPage)
  }
  await follow({ ...judged.visit, ...answering }, judged.plan, tools, 0)
}

async function follow(
  exchange: SiteExchange,
  plan: Plan,
  tools: AnswerTools,
  redirects: number,
): Promise<void> {
  if (plan.kind !== 'close') chooseLog(exchange, plan.settings)
  if (plan.kind !== 'close' && isTooLarge(exchange, plan)) {
    logTooLarge(exchange, plan.settings, tools)
    exchange.trail.body = 'refused'
    return answerError(exchange, { status: 413, plan, redirects }, tools)
  }
  switch (plan.kind) {
    case 'close':
      exchange.request.socket.destroy()
      return
    case 'return':
      return answerReturn(exchange, plan)
    case 'error':
      if (plan.reason !== undefined) logRefusedTarget(exchange, { refused: plan.reason }, tools)
      return answerError(exchange, { status: plan.status, plan, redirects }, tools)
    case 'content':
      return enter(exchange, plan, tools, redirects)
    default:
      plan satisfies never
  }
}

function chooseLog({ record, facts }: SiteExchange, settings: LocationSettings): void {
  if (record) record.accessLog = accessLogFor(settings, facts.method)
}

/** Checks the announced length as soon as a location was chosen, as nginx does. */
function isTooLarge(exchange: SiteExchange, plan: Exclude<Plan, { kind: 'close' }>): boolean {
  if (plan.isUnmeasured || exchange.trail.body !== 'here') return false
  if (plan.kind === 'content' && findTarget(exchange, plan)?.kind === 'registry') return false
  const { maxBodyBytes } = plan.settings
  return maxBodyBytes > 0 && Number(exchange.headers['content-length'] ?? 0) > maxBodyBytes
}

/** The access phase, then content. */
async function enter(
  exchange: SiteExchange,
  plan: ContentPlan,
  tools: AnswerTools,
  redirects: number,
): Promise<void> {
  const { settings } = plan
  const refusal = await authorizeInTrace(exchange, plan, tools)
  if (refusal) return answerRefusal(exchange, { plan, refusal, redirects }, tools)
  const entering = enterLimits(tools.limits, { settings, trail: exchange.trail, variable: plan.variable })
  const verdict = entering instanceof Promise ? await entering : entering
  if (verdict.kind === 'refuse') {
    tools.logger.warn({ host: exchange.host, zone: verdict.zone, remote: exchange.remoteAddress }, 'limited')
    return answerError(exchange, { status: verdict.status, plan, redirects }, tools)
  }
  // A visitor left while the password was checked: no further event comes.
  if (hasLeft(exchange)) return verdict.release()
  exchange.response.once('close', verdict.release)
  if (verdict.kind === 'wait') {
    exchange.holds.letOthersBegin(exchange.response)
    await new Promise((resolve) => setTimeout(resolve, verdict.ms))
  }
  if (hasLeft(exchange)) return
  await answerContent(exchange, plan, tools, redirects)
}

function answerRefusal(
  exchange: SiteExchange,
  { plan, refusal, redirects }: { plan: ContentPlan; refusal: Refusal; redirects: number },
  tools: AnswerTools,
): Promise<void> {
  const { status, challenge, retryAfterS } = refusal
  chooseLog(exchange, plan.settings)
  if (challenge !== undefined) setHeader(exchange, 'www-authenticate', challenge)
  if (retryAfterS !== undefined) setHeader(exchange, 'retry-after', String(retryAfterS))
  return answerError(exchange, { status, plan, redirects }, tools)
}

async function answerContent(
  exchange: SiteExchange,
  plan: ContentPlan,
  tools: AnswerTools,
  redirects: number,
): Promise<void> {
  const { content } = plan
  const fail = (status: number): Promise<void> => answerError(exchange, { status, plan, redirects }, tools)
  const target = findTarget(exchange, plan)
  if (target?.kind === 'registry') return serveRegistry(exchange, plan, tools)
  if (target?.kind === 'upstream') {
    return proxyRequest(exchange, { plan, upstream: target.upstream }, { tools, fail })
  }
  if (content.kind === 'proxy')
    return proxyRequest(exchange, { plan, upstream: content.origin }, { tools, fail })
  if (target?.kind === 'files' || content.kind === 'files') {
    const files =
      content.kind === 'files' ? content : { ...NO_FILES, root: target?.kind === 'files' ? target.root : '' }
    const result = await serveFiles(exchange, plan, { files, rules: tools.files ?? STRICT })
    if (result.kind === 'error') return fail(result.status)
    if (result.kind === 'redirect') {
      if (redirects >= MAX_REDIRECTS) return fail(500)
      const { uri, args } = result
      const next = exchange.site.server.route(exchange.facts, { uri, args, from: plan.variable })
      return follow(exchange, next, tools, redirects + 1)
    }
    return
  }
  // Without content nginx looks for a file of its own, which never exists.
  return fail(FILE_METHODS.has(exchange.facts.method) ? 404 : 405)
}

const NO_FILES = {
  kind: 'files',
  root: '',
  alias: undefined,
  tryFiles: undefined,
  index: ['index.html'],
} as const

function answerReturn(exchange: SiteExchange, plan: Extract<Plan, { kind: 'return' }>): void {
  const { status, body, location, settings, variable = noVariable } = plan
  const rules = { settings, variable }
  if (body === undefined && status >= 300) exchange.trail.errorStatus = 0
  if (location !== undefined) setHeader(exchange, 'location', stayHere(escapeHeader(location)))
  if (body === undefined && status !== 200 && status !== 204) {
    sendSitePage(exchange, rules, status)
    return
  }
  const text = toBytes(body ?? '')
  // A text without a type is shown, not kept as a file.
  const plain = settings.defaultType === 'application/octet-stream' ? 'text/plain' : settings.defaultType
  const type = findType(variable('uri'), plain)
  sendOwn(exchange, rules, {
    status,
    // An empty body has no type; a published answer to OPTIONS adds one itself, which would be the second.
    list: status === 204 ? [] : ['content-type', type, 'content-length', String(text.length)],
    body: status === 204 ? Buffer.alloc(0) : text,
  })
}

/** An error of this server: the page of the vhost file if it has one, else a plain one. */
async function answerError(
  exchange: SiteExchange,
  error: { status: number; plan: Exclude<Plan, { kind: 'close' }>; redirects: number },
  tools: AnswerTools,
): Promise<void> {
  const { status, plan, redirects } = error
  const { settings, variable = noVariable } = plan
  const { trail } = exchange
  trail.errorStatus = 0
  const page = pageFor(exchange, status, settings)
  if (!page || redirects >= MAX_REDIRECTS) return sendSitePage(exchange, { settings, variable }, status)
  trail.hasErrorPage = !settings.recursiveErrorPages
  if (/^https?:\/\//.test(page.uri)) {
    setHeader(exchange, 'location', escapeHeader(page.uri))
    return sendSitePage(exchange, { settings, variable }, redirectStatus(page.status))
  }
  trail.errorStatus = page.takesPageStatus ? 0 : (page.status ?? status)
  const isNamed = page.uri.startsWith('@')
  // A named location goes on with the request unchanged, a path gets a new request.
  const method = isNamed || exchange.facts.method === 'HEAD' ? exchange.facts.method : 'GET'
  const facts = { ...exchange.facts, method }
  const [uri = '/', args = ''] = isNamed ? [page.uri] : page.uri.split('?', 2)
  const next = exchange.site.server.route(facts, { uri, args, from: variable })
  return follow({ ...exchange, facts }, next, tools, redirects + 1)
}

type ErrorPage = LocationSettings['errorPages'][number]

/** The page of an error has no pages of its own, without `recursive_error_pages`. */
function pageFor(
  { trail, response }: SiteExchange,
  status: number,
  { errorPages }: LocationSettings,
): ErrorPage | undefined {
  if (response.headersSent || trail.hasErrorPage) return undefined
  return errorPages.find(({ statuses }) => statuses.includes(status))
}

/** A page elsewhere is always a redirect. */
function redirectStatus(status: number | undefined): number {
  return status !== undefined && [301, 302, 303, 307, 308].includes(status) ? status : 302
}

function noVariable(): string {
  return ''
}
