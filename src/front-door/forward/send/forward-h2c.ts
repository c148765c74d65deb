import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import { watchArrivals } from '../../listen/http/limits/watch-arrivals.ts'
import { ConnectFailed } from '../connect/connect-server.ts'
import { tlsOptionsFor, type UpstreamTls } from '../connect/connect-tls.ts'
import type { AnswerSink, Flight, OutgoingRequest } from './forward-request.ts'
import { isHopByHop } from './request-headers.ts'
import { ANSWER_TIMEOUT, toReason } from './upstream-failure.ts'

/** Most sessions kept to upstreams; the least recently used one is closed first. */
const MAX_SESSIONS = 256
/** Time for which an idle session is kept, in milliseconds. */
const IDLE_MS = 60_000

/** A server, and the TLS settings for it if its origin uses TLS. */
interface Target {
  readonly origin: string
  readonly tls: UpstreamTls
}

interface Link {
  readonly session: ClientHttp2Session
  /** True once the server was reached: failures before mean that nothing was sent. */
  isReached: boolean
  readonly reached: Promise<void>
}

/** Connections to upstreams that speak HTTP/2 only (h2c, gRPC), one to each server. */
export class Http2Upstreams implements Disposable {
  readonly #links = new Map<string, Link>()

  /** Sends a request and gives its answer, with its trailers, to a sink as it comes. */
  forward(to: Target, request: OutgoingRequest, sink: AnswerSink): Flight {
    const link = this.#link(to, request.settings.proxyConnectTimeoutMs)
    const { session } = link
    const { body } = request
    const stream = session.request(pseudoHeaders(request, to.origin), { endStream: body === null })
    const abort = connectSink(stream, request, {
      ...sink,
      fail: (reason, error) => {
        if (reason === 'aborted' || link.isReached) return sink.fail(reason, error)
        const failed = new ConnectFailed(findStage(error, to.origin), error)
        sink.fail(failed.reason, failed)
      },
    })
    // Until the server is reached another one can be tried, so that the body must not have begun.
    if (body !== null) void link.reached.then(() => pump(body, stream))
    return {
      abort,
      resume: () => stream.resume(),
    }
  }

  [Symbol.dispose](): void {
    for (const { session } of this.#links.values()) session.destroy()
    this.#links.clear()
  }

  #link({ origin, tls }: Target, timeoutMs: number): Link {
    // A connection of a host without verification must not be used by one with it.
    const key = `${origin} ${tls.verify} ${tls.serverName} ${tls.verifiedName}`
    const known = this.#links.get(key)
    if (known && !known.session.closed && !known.session.destroyed) return known
    const session = connect(origin, tlsOptionsFor(tls))
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
    const link: Link = { session, isReached: false, reached }
    const timer = setTimeout(
      () => session.destroy(Object.assign(new Error('No connection in time'), { code: 'ETIMEDOUT' })),
      timeoutMs,
    )
    const forget = (): void => {
      clearTimeout(timer)
      if (this.#links.get(key) === link) this.#links.delete(key)
    }
    session.once('connect', () => {
      clearTimeout(timer)
      link.isReached = true
      reach()
    })
    session.on('error', forget)
    session.once('close', forget)
    session.once('goaway', forget)
    session.setTimeout(IDLE_MS, () => session.close())
    session.unref()
    this.#links.set(key, link)
    const [[oldest, last] = []] = this.#links.size > MAX_SESSIONS ? this.#links : []
    if (oldest !== undefined && last) {
      this.#links.delete(oldest)
      last.session.close()
    }
    return link
  }
}

/** The system names the call that failed; an error without a call came after it. */
function findStage(error: Error & { readonly syscall?: unknown }, origin: string): 'tcp' | 'tls' {
  const isSystems = error.syscall === 'connect' || error.syscall === 'getaddrinfo'
  return isSystems || error instanceof AggregateError || !origin.startsWith('https:') ? 'tcp' : 'tls'
}

function pseudoHeaders(
  { method, target, headers }: OutgoingRequest,
  origin: string,
): Record<string, string | string[]> {
  const result: Record<string, string | string[]> = {
    ':method': method,
    ':path': target,
    ':scheme': origin.startsWith('https:') ? 'https' : 'http',
  }
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? ''
    const value = headers[index + 1] ?? ''
    if (name === 'host') result[':authority'] = value
    else if (name === 'te' || !isHopByHop(name)) {
      const before = result[name]
      result[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
    }
  }
  return result
}

/** @returns a function that ends the request, without a call of the sink. */
function connectSink(stream: ClientHttp2Stream, { settings }: OutgoingRequest, sink: AnswerSink): () => void {
  let isOver = false
  let hasHead = false
  const isCut = watchForCut(stream)
  let trailers: string[] | undefined
  const fail = (reason: Parameters<AnswerSink['fail']>[0], error: Error): void => {
    if (isOver) return
    isOver = true
    sink.fail(reason, error)
  }
  stream.setTimeout(settings.proxyReadTimeoutMs, () => {
    const error = Object.assign(new Error('The upstream did not answer in time'), { code: ANSWER_TIMEOUT })
    fail(toReason(error), error)
    stream.close(constants.NGHTTP2_CANCEL)
  })
  stream.on('response', (headers, flags) => {
    if (isOver) return
    hasHead = true
    sink.head(
      Number(headers[':status'] ?? 502),
      flatten(headers),
      (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0,
    )
  })
  stream.on('trailers', (headers) => {
    trailers = flatten(headers).map(String)
  })
  stream.on('data', (chunk: Buffer) => {
    // Data on its way when it was given up must not get into the answer that replaced it.
    if (!isOver && !sink.data(chunk)) stream.pause()
  })
  stream.on('end', () => {
    if (isOver || !hasHead) return
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR || (isCut() && !trailers))
      return fail('no-answer', new Error('The upstream broke its answer off'))
    isOver = true
    sink.end(trailers)
  })
  stream.on('error', (error: Error & { code?: string }) => {
    // A stream of a connection that failed has only a cancellation as its error.
    const cause = error.cause instanceof Error ? error.cause : error
    fail(toReason(cause), cause)
  })
  stream.on('close', () => fail('no-answer', new Error(`The upstream ended the stream (${stream.rstCode})`)))
  return () => {
    fail('aborted', new Error('The client went away'))
    stream.close(constants.NGHTTP2_CANCEL)
  }
}

/**
 * Distinguishes an answer that its upstream broke off without an error (RST_STREAM with NO_ERROR) from a whole one:
 * Node ends both alike, but the first only once the stream is closed.
 */
function watchForCut(stream: ClientHttp2Stream): () => boolean {
  let isCut: boolean | undefined
  watchArrivals(stream, (chunk) => {
    if (chunk === null) isCut ??= stream.closed
  })
  return () => isCut ?? false
}

function flatten(headers: IncomingHttpHeaders): Buffer[] {
  const list: Buffer[] = []
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(':') || value === undefined) continue
    for (const each of Array.isArray(value) ? value : [value]) {
      list.push(Buffer.from(name, 'latin1'), Buffer.from(String(each), 'latin1'))
    }
  }
  return list
}

async function pump(body: AsyncIterable<Buffer>, stream: ClientHttp2Stream): Promise<void> {
  try {
    for await (const chunk of body) {
      if (stream.destroyed) return
      if (!stream.write(chunk))
        await new Promise<void>((resolve) => {
          stream.once('drain', resolve)
          stream.once('close', resolve)
        })
    }
    stream.end()
  } catch (error) {
    stream.destroy(error instanceof Error ? error : undefined)
  }
}
