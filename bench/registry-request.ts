import { once } from 'node:events'
import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request as requestHttp } from 'node:http'
import { request as requestHttps, Agent as TlsAgent } from 'node:https'
import { pipeline } from 'node:stream/promises'

/** Longest silence of a server, in ms. */
const TIMEOUT_MS = 120_000

/** A request to a server under measurement. */
interface BenchRequest {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  /** Sent with its length, or in chunks if it is a stream. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>
  /** Connections to reuse; by default each request has a connection of its own. */
  readonly agent?: KeptConnections
}

/** A complete answer. */
interface BenchAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** Connections kept open, for plain HTTP and for TLS. */
export interface KeptConnections extends Disposable {
  readonly http: Agent
  readonly https: TlsAgent
}

/** Keeps connections open for requests that name it. */
export function keepConnections(): KeptConnections {
  const http = new Agent({ keepAlive: true })
  const https = new TlsAgent({ keepAlive: true })
  const destroy = (): void => {
    http.destroy()
    https.destroy()
  }
  return { http, https, [Symbol.dispose]: destroy }
}

/** Sends a request and reads the whole answer. The certificate is our own, a moment old, and is not checked. */
export async function request(url: string, outgoing: BenchRequest): Promise<BenchAnswer> {
  const isTls = url.startsWith('https:')
  const { method = 'GET', headers = {}, body, agent } = outgoing
  const settings = { method, headers: { ...headers, ...toLengthHeader(body, method) }, timeout: TIMEOUT_MS }
  const sent = isTls
    ? requestHttps(url, { ...settings, agent: agent?.https ?? false, rejectUnauthorized: false })
    : requestHttp(url, { ...settings, agent: agent?.http ?? false })
  sent.on('timeout', () => sent.destroy(new Error(`${url} was silent for ${TIMEOUT_MS} ms`)))
  const answered = once(sent, 'response')
  // Awaited below; a failure while the body is sent must not count as unhandled before that.
  answered.catch(() => {})
  await sendBody(sent, body)
  const [response]: IncomingMessage[] = await answered
  if (!response) throw new Error(`${url}: no answer`)
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }
}

/** Sends a request that must succeed. Errors: any status but 2xx, with the answer. */
export async function requestOk(url: string, outgoing: BenchRequest): Promise<BenchAnswer> {
  const answer = await request(url, outgoing)
  if (answer.status >= 200 && answer.status < 300) return answer
  const text = answer.body.toString('utf8', 0, 500)
  throw new Error(`${outgoing.method ?? 'GET'} ${url} was answered ${answer.status}: ${text}`)
}

function toLengthHeader(body: BenchRequest['body'], method: string): OutgoingHttpHeaders {
  if (body instanceof Uint8Array) return { 'content-length': body.length }
  return body === undefined && method !== 'GET' && method !== 'HEAD' ? { 'content-length': 0 } : {}
}

async function sendBody(sent: ReturnType<typeof requestHttp>, body: BenchRequest['body']): Promise<void> {
  if (body === undefined || body instanceof Uint8Array) {
    sent.end(body)
    return
  }
  // A server may answer and hang up before it has read everything: then its answer gives the reason, not the broken
  // pipe.
  await pipeline(body, sent).catch(() => {})
}
