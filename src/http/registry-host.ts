import type { IncomingMessage, ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import { ANONYMOUS } from '../access/principal.ts'
import type { RuleSource } from '../access/rule-source.ts'
import { AccessRules, NO_RULES } from '../access/rules.ts'
import type { Served } from '../front-door/visit/served.ts'
import type { Visit } from '../front-door/visit/visit.ts'
import type { AccessLine } from '../log/access-line.ts'
import { OciError } from '../oci/errors.ts'
import type { Registry } from '../registry/registry.ts'
import { serveToken, type TokenEndpointParts } from './access/token-endpoint.ts'
import { createCors } from './answer/cors.ts'
import { ClientGone, replyEmpty, replyError, replyJson, toOciError } from './answer/reply.ts'
import { wordRefusal } from './answer/word-refusal.ts'
import { type ApiParts, isApiTarget, serveApi } from './api/serve-api.ts'
import type { SharedBounds } from './bounds/shared-bounds.ts'
import { createHandlers } from './handlers/create-handlers.ts'
import { answerDetail, answerMetrics, mayReadDetail } from './monitoring/answer-monitoring.ts'
import type { Monitoring } from './monitoring/monitoring.ts'
import { createDoubtReport, type DoubtedOrigin } from './request/doubted-origin.ts'
import { withOrigin } from './request/event-origin.ts'
import type { Exchange } from './request/exchange.ts'
import { requireOneHost } from './request/one-host.ts'
import { type RequestMeter, type RouteName, relationOf } from './request/request-meter.ts'
import { type OciParts, serveOci } from './serve-oci.ts'

/** Dependencies and settings of the registry's own host. */
interface RegistryHostParts extends Omit<TokenEndpointParts, 'formRoom'>, Pick<ApiParts, 'openConsole'> {
  readonly registry: Registry
  readonly rules: RuleSource
  readonly bounds: SharedBounds
  /** Scheme and host of all requests, set by the operator; undefined: those of each visit. */
  readonly publicUrl: string | undefined
  /** Called with the first doubt of each kind about the scheme of a visit. */
  readonly onDoubtedOrigin?: ((doubted: DoubtedOrigin) => void) | undefined
  readonly relativeUrls: boolean
  /** Origins of web pages that may use this registry; `*` stands for all. */
  readonly corsOrigins: readonly string[]
  /** Added to each answer, each as `Name: value`. */
  readonly responseHeaders: readonly string[]
  /** True once the server is stopping. */
  readonly isStopping: () => boolean
  /** True while the operator keeps the server out of service: it answers requests, and says that it is not ready. */
  readonly isTakenOut: () => boolean
  /** Problems that do not prevent serving, but need attention. */
  readonly warnings: () => Promise<readonly Warning[]>
  /** Figures and checks for the holder of the monitoring token; undefined: there is no token, and `/metrics` is not found. */
  readonly monitoring?: Monitoring | undefined
  /** Called with one line for each request, once it is over. */
  readonly logAccess: (line: AccessLine) => void
  /** Counts requests; undefined: nothing does. */
  readonly meter?: RequestMeter | undefined
  /** Called with failures that are bugs or faults of the machine, not of the client. */
  readonly logFailure: (error: unknown, requestId: string) => void
}

/** A member of `warnings` of `/readyz`. */
export interface Warning {
  readonly code: /** Served certificates that have expired: their number, and the time of the first expiry. */
    | 'CERTIFICATE_EXPIRED'
    /** Stored content that is damaged and not served: its number, and since when the first. */
    | 'CONTENT_DAMAGED'
    /** Pushes and deletes are refused, by a command of the operator. */
    | 'READ_ONLY'
    /** Content that is no longer needed should have been removed more than a day ago: since when. */
    | 'COLLECTION_LATE'
    /** Scheduled backups have failed: their number, and the time of the last complete one or of the first failure. */
    | 'BACKUP_FAILED'
    /** No scheduled backup was complete since then, for too long. */
    | 'BACKUP_LATE'
  readonly count?: number
  readonly since: string
}

/** Rules of a request before those in force are read: nothing is decided by them. */
const NONE_YET = new AccessRules(NO_RULES)

/** The parts of a host, with the shared ones of its requests. */
interface OpenHost extends RegistryHostParts, OciParts, TokenEndpointParts {}

/** Creates the registry's own host: `/v2/`, `/token`, `/api`, health. */
export function createRegistryHost(given: RegistryHostParts): Served {
  const { registry, bounds, publicUrl, onDoubtedOrigin } = given
  const handlers = createHandlers({ registry, bounds })
  const parts: OpenHost = { ...given, handlers, formRoom: bounds.formRoom }
  // With a URL of the operator there is nothing to doubt.
  const reportDoubt = publicUrl === undefined && onDoubtedOrigin && createDoubtReport(onDoubtedOrigin)
  const cors = createCors(parts.corsOrigins)
  const added = parts.responseHeaders.map(splitHeader)
  const answer = async (request: IncomingMessage, response: ServerResponse, visit: Visit): Promise<void> => {
    const startedAt = performance.now()
    parts.meter?.begin()
    const origin = publicUrl ?? visit.origin
    if (reportDoubt) reportDoubt(visit)
    const exchange: Exchange = {
      request,
      response,
      visit,
      principal: ANONYMOUS,
      rules: NONE_YET,
      repository: undefined,
      route: 'other',
      errorCode: undefined,
      sentBytes: 0,
      bounds,
      origin,
      locationBase: parts.relativeUrls ? '' : origin,
    }
    const { bytesRead } = request.socket
    response.on('close', () => {
      const received = receivedBytes(request, bytesRead)
      const line = toAccessLine(exchange, { received, ms: performance.now() - startedAt })
      parts.logAccess(line)
      parts.meter?.end({
        route: exchange.route,
        status: line.status,
        receivedBytes: received,
        sentBytes: line.bytes,
        ms: line.ms,
        repository: relationOf(exchange.repository, exchange.principal),
      })
    })
    for (const [name, value] of added) response.appendHeader(name, value)
    try {
      // Pages of other origins may use the registry where the operator lets them, never the API that manages it.
      if (isApiTarget(visit.target) || !cors.handle(exchange))
        await withOrigin(exchange, () => route(exchange, parts))
    } catch (error) {
      answerFailure(exchange, error, parts)
    }
  }
  return {
    serve: (request, response, visit) => void answer(request, response, visit),
    word: wordRefusal,
  }
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon), line.slice(colon + 1).trim()]
}

/** Returns no promise of its own: one more for each request would cost measurable time. */
function route(exchange: Exchange, parts: OpenHost): Promise<void> | void {
  const { request, visit } = exchange
  requireOneHost(request, visit)
  const { target } = visit
  if (target.startsWith('/v2/') || target === '/v2' || target.startsWith('/v2?'))
    return serveOci(exchange, parts)
  if (isApiTarget(target)) return serveApi(exchange, parts)
  const path = target.split('?', 1)[0] ?? ''
  exchange.route = FIXED_ROUTES.get(path) ?? 'other'
  if (exchange.route !== 'other') visit.trace?.describe({ route: path, 'berth.route': exchange.route })
  switch (path) {
    case '/token':
      return serveToken(exchange, parts)
    case '/.well-known/jwks.json':
      return answerKeys(exchange, parts)
    case '/livez':
      return replyJson(exchange, { status: 'ok' })
    case '/startupz':
      return replyJson(exchange, { status: 'started' })
    case '/readyz':
      return answerReadiness(exchange, parts)
    case '/metrics':
      return answerMetrics(exchange, parts.monitoring)
    case '/':
      return replyEmpty(exchange, 200)
    default:
      throw new OciError('NOT_FOUND')
  }
}

/** Names of the fixed paths, for figures. */
const FIXED_ROUTES: ReadonlyMap<string, RouteName> = new Map([
  ['/token', 'token'],
  ['/.well-known/jwks.json', 'keys'],
  ['/livez', 'livez'],
  ['/startupz', 'startupz'],
  ['/readyz', 'readyz'],
  ['/metrics', 'metrics'],
  ['/', 'home'],
])

async function answerKeys(exchange: Exchange, { tokens }: RegistryHostParts): Promise<void> {
  replyJson(exchange, await tokens.publicKeys(), {
    headers: { 'content-type': 'application/jwk-set+json', 'cache-control': 'public, max-age=300' },
  })
}

/** 200 while requests can be served; 503 while stopping or if nothing can be stored. */
async function answerReadiness(exchange: Exchange, parts: RegistryHostParts): Promise<void> {
  const { monitoring } = parts
  if (monitoring && (await mayReadDetail(exchange, monitoring)))
    return answerDetail(exchange, monitoring, parts.warnings)
  if (parts.isStopping())
    throw new OciError('UNAVAILABLE', { message: 'The registry is stopping', retryAfterS: 5 })
  if (parts.isTakenOut())
    throw new OciError('UNAVAILABLE', {
      message: 'The registry is out of service: the file of health-file exists',
    })
  await parts.registry.check()
  const warnings = await parts.warnings()
  replyJson(exchange, { status: 'ready', ...(warnings.length > 0 && { warnings }) })
}

function answerFailure(exchange: Exchange, error: unknown, parts: RegistryHostParts): void {
  if (error instanceof ClientGone) {
    exchange.errorCode = 'CLIENT_GONE'
    exchange.response.destroy()
    return
  }
  const answer = toOciError(error, exchange)
  if (answer.status >= 500) parts.logFailure(error, exchange.visit.requestId)
  replyError(exchange, answer)
}

function toAccessLine(exchange: Exchange, measured: { received: number; ms: number }): AccessLine {
  const { visit, request, response, principal, repository, errorCode } = exchange
  return {
    id: visit.requestId,
    trace: visit.trace?.traceId,
    who: principal.kind !== 'anonymous' ? principal.name : undefined,
    method: request.method ?? '',
    path: visit.target,
    status: response.headersSent ? response.statusCode : 499,
    bytes: exchange.sentBytes,
    received: measured.received,
    ms: measured.ms,
    repository,
    remote: visit.remoteAddress,
    agent: request.headers['user-agent'],
    // The answer ends before its handler gets the event.
    error: errorCode ?? (response.writableFinished ? undefined : 'CLIENT_GONE'),
  }
}

/** Bytes of the body: as announced once it is complete, else the bytes of the connection since the head. */
function receivedBytes(request: IncomingMessage, readBefore: number): number {
  const announced = request.headers['content-length']
  if (request.complete && announced !== undefined) return Number(announced)
  const hasBody = announced !== undefined || request.headers['transfer-encoding'] !== undefined
  return hasBody ? request.socket.bytesRead - readBefore : 0
}
