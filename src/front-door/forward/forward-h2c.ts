import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import { tlsOptionsFor, type UpstreamTls } from './connect-tls.ts'
import { type AnswerSink, type Flight, type OutgoingRequest, reasonOf } from './forward-request.ts'
import { isHopByHop } from './request-headers.ts'

/** Sessions kept to upstreams; the one used longest ago is closed first. */
const MAX_SESSIONS = 256
/** How long an idle session is kept, in milliseconds. */
const IDLE_MS = 60_000

/** Which server, and how TLS is spoken to it if its origin says so. */
interface Target {
  readonly origin: string
  readonly tls: UpstreamTls
}

/** Connections to upstreams that speak HTTP/2 only (h2c, gRPC), one to each server. */
export class Http2Upstreams implements Disposable {
  readonly #sessions = new Map<string, ClientHttp2Session>()

  /** Sends a request and gives its answer, with its trailers, to a sink as it comes. */
  forward(to: Target, request: OutgoingRequest, sink: AnswerSink): Flight {
    const session = this.#session(to)
    const stream = session.request(pseudoHeaders(request, to.origin), { endStream: request.body === null })
    const abort = connectSink(stream, request, sink)
    if (request.body !== null) void pump(request.body, stream)
    return {
      abort,
      resume: () => stream.resume(),
    }
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions.values()) session.destroy()
    this.#sessions.clear()
  }

  #session({ origin, tls }: Target): ClientHttp2Session {
    // What one host does not check must not be given to another that does.
    const key = `${origin} ${tls.verify} ${tls.serverName} ${tls.verifiedName}`
    const known = this.#sessions.get(key)
    if (known && !known.closed && !known.destroyed) return known
    const session = connect(origin, tlsOptionsFor(tls))
    const forget = (): void => {
      if (this.#sessions.get(key) === session) this.#sessions.delete(key)
    }
    session.on('error', forget)
    session.once('close', forget)
    session.once('goaway', forget)
    session.setTimeout(IDLE_MS, () => session.close())
    session.unref()
    this.#sessions.set(key, session)
    const [[oldest, last] = []] = this.#sessions.size > MAX_SESSIONS ? this.#sessions : []
    if (oldest !== undefined && last) {
      this.#sessions.delete(oldest)
      last.close()
    }
    return session
  }
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

/** @returns what ends the request, of which the sink is not told then. */
function connectSink(stream: ClientHttp2Stream, { settings }: OutgoingRequest, sink: AnswerSink): () => void {
  let isOver = false
  let hasHead = false
  let trailers: string[] | undefined
  const fail = (reason: Parameters<AnswerSink['fail']>[0], error: Error): void => {
    if (isOver) return
    isOver = true
    sink.fail(reason, error)
  }
  stream.setTimeout(settings.proxyReadTimeoutMs, () => {
    fail('timeout', new Error('The upstream did not answer in time'))
    stream.close(constants.NGHTTP2_CANCEL)
  })
  stream.on('response', (headers) => {
    hasHead = true
    sink.head(Number(headers[':status'] ?? 502), flatten(headers), '')
  })
  stream.on('trailers', (headers) => {
    trailers = flatten(headers).map(String)
  })
  stream.on('data', (chunk: Buffer) => {
    if (!sink.data(chunk)) stream.pause()
  })
  stream.on('end', () => {
    if (isOver || !hasHead) return
    isOver = true
    sink.end(trailers)
  })
  stream.on('error', (error: Error & { code?: string }) => {
    // A stream of a connection that failed only says that it was cancelled.
    const cause = error.cause instanceof Error ? error.cause : error
    fail(reasonOf(cause), cause)
  })
  stream.on('close', () => fail('no-answer', new Error(`The upstream ended the stream (${stream.rstCode})`)))
  return () => {
    fail('aborted', new Error('The client went away'))
    stream.close(constants.NGHTTP2_CANCEL)
  }
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
