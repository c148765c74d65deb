import type { ServerResponse } from 'node:http'
import { isOutOfDescriptors } from '../../stream/descriptors.ts'
import type { TracedCall } from '../../traces/request-trace.ts'
import { beginAttempt, noteAnswer, type UpstreamAttempt } from '../exchange/request-trail.ts'
import {
  type ContentPlan,
  logDroppedAccel,
  logTooLarge,
  type SiteExchange,
} from '../exchange/site-exchange.ts'
import { breakOff } from '../listen/http/messages/break-off.ts'
import type { UpstreamDeclaration, UpstreamServer } from '../sites/site-declaration.ts'
import type { LocationSettings } from '../vhost/settings/settings.ts'
import { upstreamTls } from './connect/connect-tls.ts'
import { countFailure, type ForwardTools } from './forward-tools.ts'
import { type AnswerHead, AnswerPassing, isIntercepted, keepChallenges } from './pass/pass-answer.ts'
import { declareOrigin, formatOrigin } from './pass/upstream-origin.ts'
import { type AnswerSink, type Flight, forwardRequest, type OutgoingRequest } from './send/forward-request.ts'
import { type BodyFailure, BodyStopped, hasBody, readBody } from './send/request-body.ts'
import { requestHeaders } from './send/request-headers.ts'
import { beginCall } from './send/trace-call.ts'
import {
  causeOf,
  isUnsent,
  mayTryAfter,
  mayTryNext,
  toStatus,
  type UpstreamFailure,
  wasIdleTooLong,
} from './send/upstream-failure.ts'

/** A request for an upstream. */
interface ProxyOrder {
  readonly plan: ContentPlan
  /** A declared upstream, or the origin of `proxy_pass`. */
  readonly upstream: UpstreamDeclaration | string
}

/** Ways to answer a request if no upstream does. */
interface ProxyTools {
  readonly tools: ForwardTools
  readonly fail: (status: number) => Promise<void>
}

/** Passes a request on to a server of an upstream, and its answer back, both as they come. */
export function proxyRequest(exchange: SiteExchange, order: ProxyOrder, proxy: ProxyTools): Promise<void> {
  // A body that is gone cannot be sent, and a request that promises one must not go without.
  if (exchange.trail.body === 'sent' && !['GET', 'HEAD'].includes(exchange.facts.method)) {
    return proxy.fail(exchange.trail.attempts.at(-1)?.status || 502)
  }
  const upstream = typeof order.upstream === 'string' ? declareOrigin(order.upstream) : order.upstream
  const servers = upstream && proxy.tools.picker.order(upstream, exchange.remoteAddress)
  if (!upstream || !servers || servers.length === 0) {
    proxy.tools.logger.warn(
      { host: exchange.host, id: exchange.requestId },
      'no server can be tried for this host',
    )
    return proxy.fail(503)
  }
  return new Proxying(exchange, { ...order, upstream, servers }, proxy).run()
}

/** Status for a body that was not read to its end. */
export const BODY_STATUS: Readonly<Record<BodyFailure, number>> = {
  'too-large': 413,
  'too-slow': 408,
  'upstream-too-slow': 504,
  gone: 400,
}

interface Prepared extends ProxyOrder {
  readonly upstream: UpstreamDeclaration
  readonly servers: readonly UpstreamServer[]
}

/** One request on its way: it tries servers until one answers. */
class Proxying {
  readonly #exchange: SiteExchange
  readonly #order: Prepared
  readonly #proxy: ProxyTools
  readonly #settings: LocationSettings
  readonly #response: ServerResponse
  readonly #isHttp2: boolean
  readonly #hasBody: boolean
  #isBodyBegun = false
  #bodyFailure: BodyFailure | undefined
  #flight: Flight | undefined
  #tried = 0
  #isSecondTry = false
  readonly #answer: AnswerPassing
  #attempt: UpstreamAttempt | undefined
  #call: TracedCall | undefined
  #resolve: () => void = () => {}

  constructor(exchange: SiteExchange, order: Prepared, proxy: ProxyTools) {
    this.#exchange = exchange
    this.#order = order
    this.#proxy = proxy
    this.#settings = order.plan.settings
    this.#response = exchange.response as ServerResponse
    this.#isHttp2 = exchange.request.httpVersionMajor === 2
    this.#hasBody = exchange.trail.body === 'here' && hasBody(exchange, this.#isHttp2)
    this.#answer = new AnswerPassing(exchange, order.plan, {
      resume: () => this.#flight?.resume(),
      abort: () => this.#flight?.abort(),
    })
  }

  run(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.#response.once('close', () => {
        this.#answer.close()
        this.#call?.end(0, 'aborted')
        resolve()
      })
      this.#try()
    })
  }

  #try(): void {
    const { servers } = this.#order
    let server = servers[this.#tried++]
    let release = server && this.#proxy.tools.picker.begin(server)
    while (server && !release) {
      server = servers[this.#tried++]
      release = server && this.#proxy.tools.picker.begin(server)
    }
    if (server && release) this.#send(server, release)
    // A request that waited for its turn might do so for ever.
    else this.#finish(this.#proxy.fail(503))
  }

  #send(server: UpstreamServer, release: () => void): void {
    const { http2Upstreams, pools } = this.#proxy.tools
    const { upstream } = this.#order
    const { proxySsl, proxyConnectTimeoutMs } = this.#settings
    const origin = formatOrigin(upstream, server)
    this.#attempt = beginAttempt(this.#exchange.trail, server, this.#attempt === undefined)
    this.#call = beginCall(this.#exchange, upstream, server)
    const sink = this.#sink(server, release)
    this.#exchange.holds.letOthersBegin(this.#response)
    const request = this.#outgoing()
    if (upstream.protocol === 'h2c' || upstream.protocol === 'grpc' || upstream.protocol === 'grpcs') {
      this.#flight = http2Upstreams.forward(
        { origin, tls: upstreamTls(proxySsl, server.host) },
        request,
        sink,
      )
      return
    }
    const tls = upstream.protocol === 'https' ? upstreamTls(proxySsl, server.host) : undefined
    const pool = pools.get({
      origin,
      connectTimeoutMs: proxyConnectTimeoutMs,
      keepAlive: upstream.keepAlive,
      tls,
    })
    this.#flight = forwardRequest(pool, request, { sink, collector: this.#proxy.tools.collector })
  }

  #outgoing(): OutgoingRequest {
    const { headers: received, facts } = this.#exchange
    const { plan } = this.#order
    const forwarded = { ...this.#exchange, requestUri: facts.requestUri }
    const options = {
      settings: this.#settings,
      variable: plan.variable,
      isUpgrade: false,
      loopId: this.#proxy.tools.loopId,
      trace: this.#call?.headers,
    }
    const headers = requestHeaders(received, forwarded, options)
    const length = received['content-length']
    if (this.#hasBody && length !== undefined) headers.push('content-length', length)
    return {
      method: facts.method,
      target: plan.target,
      headers,
      body: this.#hasBody ? this.#body() : null,
      settings: this.#settings,
    }
  }

  async *#body(): AsyncGenerator<Buffer> {
    this.#isBodyBegun = true
    this.#exchange.trail.body = 'sent'
    this.#exchange.request.requestBody()
    // An announced length was judged when the location was chosen.
    const isAnnounced = this.#exchange.headers['content-length'] !== undefined
    const bounds = {
      maxBytes: isAnnounced ? 0 : this.#settings.maxBodyBytes,
      readGapMs: this.#settings.clientBodyTimeoutMs,
      writeGapMs: this.#settings.proxySendTimeoutMs,
    }
    try {
      yield* readBody(this.#exchange.request, bounds, () => this.#stopStalled())
    } catch (error) {
      if (error instanceof BodyStopped) this.#bodyFailure = error.reason
      throw error
    }
  }

  /** The upstream takes no more of the body. */
  #stopStalled(): void {
    this.#bodyFailure = 'upstream-too-slow'
    this.#abandon()
    this.#failBody()
  }

  #sink(server: UpstreamServer, release: () => void): AnswerSink {
    return {
      head: (status, raw, isWhole) => this.#head({ status, raw, isWhole }, server),
      data: (chunk) => this.#answer.data(chunk),
      end: (trailers) => {
        release()
        this.#end(trailers)
      },
      fail: (reason, error) => {
        release()
        this.#fail(reason, { server, error })
      },
    }
  }

  #head(head: AnswerHead, server: UpstreamServer): void {
    const { status } = head
    if (this.#attempt) noteAnswer(this.#attempt, status, head.raw)
    this.#call?.end(status)
    if (this.#mayTryAfter(status)) {
      this.#abandon()
      this.#proxy.tools.picker.fail(server)
      this.#try()
    } else if (isIntercepted(this.#settings, status)) {
      this.#abandon()
      if (status === 401) keepChallenges(this.#exchange, head.raw)
      this.#finish(this.#proxy.fail(status))
    } else {
      logDroppedAccel(this.#exchange, head.raw, this.#proxy.tools)
      this.#answer.head(head, { upstream: this.#order.upstream, server })
    }
  }

  #abandon(): void {
    this.#flight?.abort()
    this.#flight = undefined
  }

  #end(trailers: readonly string[] | undefined): void {
    this.#flight = undefined
    this.#answer.end(trailers)
    this.#resolve()
  }

  #fail(reason: UpstreamFailure, { server, error }: { server: UpstreamServer; error: Error }): void {
    this.#call?.end(0, reason)
    if (reason === 'aborted') return
    const { tools } = this.#proxy
    this.#flight = undefined
    if (reason === 'body' || this.#bodyFailure) {
      this.#failBody()
      return
    }
    if (this.#mayTryAgain(reason, error)) {
      this.#isSecondTry = true
      this.#tried--
      this.#try()
      return
    }
    if (this.#attempt && !this.#response.headersSent) noteAnswer(this.#attempt, toStatus(reason), [])
    const { host, requestId } = this.#exchange
    const facts = {
      host,
      id: requestId,
      server: server.name,
      address: `${server.host}:${server.port}`,
      reason,
    }
    tools.logger.warn({ ...facts, ...causeOf(error) }, 'an upstream failed')
    countFailure(tools, this.#exchange.site, { reason, error })
    // A failure of this process to open a connection is no fault of the server.
    const isOwnFault = isOutOfDescriptors(error)
    if (isUnsent(reason) && !isOwnFault) tools.picker.fail(server)
    if (this.#response.headersSent) {
      // The visitor's answer is not whole: breaking the connection shows it.
      breakOff(this.#response)
      return
    }
    if (isOwnFault) this.#finish(this.#proxy.fail(503))
    else if (this.#mayTryNext(reason)) this.#try()
    else this.#finish(this.#proxy.fail(toStatus(reason)))
  }

  /** The same server, over another connection, as nginx does. */
  #mayTryAgain(reason: UpstreamFailure, error: Error): boolean {
    if (this.#isSecondTry || this.#isBodyBegun || this.#response.headersSent || this.#response.destroyed)
      return false
    return (
      wasIdleTooLong(reason, error) &&
      mayTryNext(reason, { method: this.#exchange.facts.method, settings: this.#settings })
    )
  }

  #mayTryNext(reason: UpstreamFailure): boolean {
    return (
      this.#hasNext() && mayTryNext(reason, { method: this.#exchange.facts.method, settings: this.#settings })
    )
  }

  /** `proxy_next_upstream` may name statuses, too. */
  #mayTryAfter(status: number): boolean {
    if (status < 500 || !this.#hasNext()) return false
    return mayTryAfter(status, { method: this.#exchange.facts.method, settings: this.#settings })
  }

  #hasNext(): boolean {
    return !this.#isBodyBegun && this.#tried < this.#order.servers.length && !this.#response.destroyed
  }

  #failBody(): void {
    const reason = this.#bodyFailure ?? 'gone'
    if (reason === 'too-large') {
      this.#exchange.trail.body = 'refused'
      logTooLarge(this.#exchange, this.#settings, this.#proxy.tools)
    }
    if (this.#response.headersSent || reason === 'gone') {
      breakOff(this.#response)
      return
    }
    if (!this.#isHttp2) this.#response.setHeader('connection', 'close')
    this.#finish(this.#proxy.fail(BODY_STATUS[reason]))
    this.#exchange.request.resume()
  }

  #finish(answered: Promise<void>): void {
    void answered.finally(() => this.#resolve())
  }
}
