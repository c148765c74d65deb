import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import type { AnswerSink, Flight, OutgoingRequest } from './forward-request.ts'
import { isHopByHop } from './request-headers.ts'

/** Sessions kept to upstreams; the one used longest ago is closed first. */
const MAX_SESSIONS = 256
/** How long an idle session is kept, in milliseconds. */
const IDLE_MS = 60_000

/** Connections to upstreams that speak HTTP/2 only (h2c, gRPC), one to each server. */
export class Http2Upstreams implements Disposable {
  readonly #sessions = new Map<string, ClientHttp2Session>()

  /** Sends a request and gives its answer, with its trailers, to a sink as it comes. */
  forward(
    to: { readonly origin: string; readonly verify: boolean },
    request: OutgoingRequest,
    sink: AnswerSink,
  ): Flight {
    const session = this.#session(to)
    const stream = session.request(pseudoHeaders(request, to.origin), { endStream: request.body === null })
    connectSink(stream, request, sink)
    if (request.body !== null) void pump(request.body, stream)
    return {
      abort: () => stream.close(constants.NGHTTP2_CANCEL),
      resume: () => stream.resume(),
    }
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions.values()) session.destroy()
    this.#sessions.clear()
  }

  #session({ origin, verify }: { origin: string; verify: boolean }): ClientHttp2Session {
    const known = this.#sessions.get(origin)
    if (known && !known.closed && !known.destroyed) return known
    const session = connect(origin, { rejectUnauthorized: verify })
    const forget = (): void => {
      if (this.#sessions.get(origin) === session) this.#sessions.delete(origin)
    }
    session.on('error', forget)
    session.once('close', forget)
    session.once('goaway', forget)
    session.setTimeout(IDLE_MS, () => session.close())
    session.unref()
    this.#sessions.set(origin, session)
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

function connectSink(stream: ClientHttp2Stream, { settings }: OutgoingRequest, sink: AnswerSink): void {
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
    fail(error.code === 'ECONNREFUSED' || error.code === 'ENOTFOUND' ? 'unreachable' : 'no-answer', error)
  })
  stream.on('close', () => fail('no-answer', new Error(`The upstream ended the stream (${stream.rstCode})`)))
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
