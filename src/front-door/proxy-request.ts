import type { ServerResponse } from 'node:http'
import type { Gzip } from 'node:zlib'
import { endTogether, MAX_JOINED_BYTES } from '../stream/end-together.ts'
import { compressAnswer } from './compress-answer.ts'
import type { LocationSettings } from './directives/settings.ts'
import { askForBody } from './expect-continue.ts'
import { upstreamTls } from './forward/connect-tls.ts'
import {
  type AnswerSink,
  type Flight,
  forwardRequest,
  type OutgoingRequest,
} from './forward/forward-request.ts'
import { type BodyFailure, BodyStopped, hasBody, readBody } from './forward/request-body.ts'
import { requestHeaders } from './forward/request-headers.ts'
import { addedHeaders, responseHeaders, upstreamVariable } from './forward/response-headers.ts'
import { causeOf, isUnsent, mayTryNext, statusOf, type UpstreamFailure } from './forward/upstream-failure.ts'
import { lengthOf, pairsOf, writeHead } from './forward/write-head.ts'
import { createPace, type Pace } from './limit-rate.ts'
import type { UpstreamDeclaration, UpstreamServer } from './site-declaration.ts'
import { type ContentPlan, hstsOf, type SiteExchange, type SiteTools, tellTooLarge } from './site-exchange.ts'
import { declareOrigin, originOf, redirectFacts } from './upstream-origin.ts'

/** What is asked of an upstream, and which. */
export interface ProxyOrder {
  readonly plan: ContentPlan
  /** A declared upstream, or the origin of `proxy_pass`. */
  readonly upstream: UpstreamDeclaration | string
}

/** How a request is answered where no upstream does. */
export interface ProxyTools {
  readonly tools: SiteTools
  readonly fail: (status: number) => Promise<void>
}

/** Passes a request on to a server of an upstream, and its answer back, both as they come. */
export function proxyRequest(exchange: SiteExchange, order: ProxyOrder, proxy: ProxyTools): Promise<void> {
  const upstream = typeof order.upstream === 'string' ? declareOrigin(order.upstream) : order.upstream
  const servers = upstream && proxy.tools.picker.order(upstream, exchange.remoteAddress)
  if (!upstream || !servers || servers.length === 0) {
    proxy.tools.logger.warn(
      { host: exchange.host, id: exchange.requestId },
      'no server can be asked for this host',
    )
    return proxy.fail(503)
  }
  return new Proxying(exchange, { ...order, upstream, servers }, proxy).run()
}

/** What is answered for a body that was not taken to its end. */
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
  #gzip: Gzip | undefined
  #isHeadOut = false
  /** Length of an answer that may be sent in one piece. */
  #joinedLength: number | undefined
  /** That answer, once it is here; its end is told next. */
  #joined: Buffer | undefined
  readonly #pace: Pace | undefined
  #sendTimer: NodeJS.Timeout | undefined
  #resolve: () => void = () => {}

  constructor(exchange: SiteExchange, order: Prepared, proxy: ProxyTools) {
    this.#exchange = exchange
    this.#order = order
    this.#proxy = proxy
    this.#settings = order.plan.settings
    this.#pace = createPace(this.#settings.bytesPerSecond)
    this.#response = exchange.response as ServerResponse
    this.#isHttp2 = exchange.request.httpVersionMajor === 2
    this.#hasBody = hasBody(exchange.request, this.#isHttp2)
  }

  run(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.#response.once('close', () => {
        clearTimeout(this.#sendTimer)
        this.#flight?.abort()
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
    if (server && release) this.#ask(server, release)
    // A request that waited for its turn might do so for ever.
    else this.#finish(this.#proxy.fail(503))
  }

  #ask(server: UpstreamServer, release: () => void): void {
    const { http2Upstreams, pools } = this.#proxy.tools
    const { upstream } = this.#order
    const { proxySsl, proxyConnectTimeoutMs } = this.#settings
    const origin = originOf(upstream, server)
    const sink = this.#sink(server, release)
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
    this.#flight = forwardRequest(pool, request, sink)
  }

  #outgoing(): OutgoingRequest {
    const { request, facts } = this.#exchange
    const { plan } = this.#order
    const forwarded = { ...this.#exchange, requestUri: facts.requestUri }
    const options = { settings: this.#settings, variable: plan.variable, isUpgrade: false }
    const headers = requestHeaders(request.headers, forwarded, options)
    const length = request.headers['content-length']
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
    askForBody(this.#exchange.request)
    const bounds = {
      maxBytes: this.#settings.maxBodyBytes,
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

  /** The upstream takes nothing of the body any more. */
  #stopStalled(): void {
    this.#bodyFailure = 'upstream-too-slow'
    this.#flight?.abort()
    this.#flight = undefined
    this.#failBody()
  }

  #sink(server: UpstreamServer, release: () => void): AnswerSink {
    return {
      head: (status, raw) => this.#head(status, raw, server),
      data: (chunk) => this.#data(chunk),
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

  #head(status: number, raw: readonly Buffer[], server: UpstreamServer): void {
    const { interceptErrors, errorPages } = this.#settings
    if (interceptErrors && status >= 300 && errorPages.some(({ statuses }) => statuses.includes(status))) {
      this.#flight?.abort()
      this.#flight = undefined
      this.#finish(this.#proxy.fail(status))
      return
    }
    const { plan, upstream } = this.#order
    const { host, authority } = this.#exchange
    const list = responseHeaders(raw, {
      settings: this.#settings,
      redirect: () => redirectFacts(plan, { upstream, server, host, authority }),
      variable: plan.variable,
    })
    list.push(
      ...addedHeaders(status, {
        headers: this.#settings.addHeaders,
        hsts: hstsOf(this.#exchange),
        isTls: this.#exchange.scheme === 'https',
        variable: (name) => upstreamVariable(raw, name) ?? plan.variable(name),
      }),
    )
    this.#gzip = status === 200 ? compressAnswer(this.#exchange, this.#settings, list) : undefined
    writeHead(this.#response, { status, list, isHttp2: this.#isHttp2 })
    this.#gzip?.pipe(this.#response)
    if (this.#isHttp2) return
    const length = this.#gzip || this.#pace ? undefined : lengthOf(list)
    // Node keeps a head back until there is more; whoever waits for events has to know that they will come.
    if (length && length <= MAX_JOINED_BYTES) this.#joinedLength = length
    else setImmediate(() => this.#sendHead())
  }

  #sendHead(): void {
    if (!this.#isHeadOut && !this.#response.writableEnded && !this.#response.destroyed)
      this.#response.flushHeaders()
  }

  #data(chunk: Buffer): boolean {
    if (this.#response.destroyed) return false
    if (chunk.length === this.#joinedLength) {
      this.#joined = chunk
      return true
    }
    this.#joinedLength = undefined
    this.#isHeadOut = this.#gzip === undefined
    const isTaken = this.#gzip ? this.#gzip.write(chunk) : this.#response.write(chunk)
    const waitMs = this.#pace?.(chunk.length) ?? 0
    if (isTaken && waitMs === 0) return true
    if (isTaken) setTimeout(() => this.#flight?.resume(), waitMs)
    else this.#waitForDrain(waitMs)
    return false
  }

  /** A client that takes nothing for `send_timeout` is given up. */
  #waitForDrain(waitMs: number): void {
    this.#sendTimer = setTimeout(() => this.#response.destroy(), this.#settings.sendTimeoutMs)
    const target = this.#gzip ?? this.#response
    target.once('drain', () => {
      clearTimeout(this.#sendTimer)
      if (waitMs === 0) this.#flight?.resume()
      else setTimeout(() => this.#flight?.resume(), waitMs)
    })
  }

  #end(trailers: readonly string[] | undefined): void {
    this.#flight = undefined
    if (trailers && trailers.length > 0 && this.#isHttp2) this.#response.addTrailers(pairsOf(trailers))
    if (this.#gzip) this.#gzip.end()
    else if (this.#joined === undefined) this.#response.end()
    else endTogether(this.#response, this.#joined)
    this.#resolve()
  }

  #fail(reason: UpstreamFailure, { server, error }: { server: UpstreamServer; error: Error }): void {
    if (reason === 'aborted') return
    const { tools } = this.#proxy
    this.#flight = undefined
    if (reason === 'body' || this.#bodyFailure) {
      this.#failBody()
      return
    }
    const { host, requestId } = this.#exchange
    const facts = {
      host,
      id: requestId,
      server: server.name,
      address: `${server.host}:${server.port}`,
      reason,
    }
    tools.logger.warn({ ...facts, ...causeOf(error) }, 'an upstream failed')
    if (isUnsent(reason)) tools.picker.fail(server)
    if (this.#response.headersSent) {
      // What the visitor has is not whole: the connection says so.
      this.#response.destroy()
      return
    }
    if (this.#mayTryNext(reason)) this.#try()
    else this.#finish(this.#proxy.fail(statusOf(reason)))
  }

  #mayTryNext(reason: UpstreamFailure): boolean {
    if (this.#isBodyBegun || this.#tried >= this.#order.servers.length || this.#response.destroyed)
      return false
    return mayTryNext(reason, { method: this.#exchange.facts.method, settings: this.#settings })
  }

  #failBody(): void {
    const reason = this.#bodyFailure ?? 'gone'
    if (reason === 'too-large') tellTooLarge(this.#exchange, this.#settings, this.#proxy.tools)
    if (this.#response.headersSent || reason === 'gone') {
      this.#response.destroy()
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
