import { Agent, request } from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { getCACertificates } from 'node:tls'

/** Sends a request: the global `fetch`, or one that trusts a certificate authority of its own. */
export type Transport = (url: string, init: TransportInit) => Promise<Response>

/** The part of `RequestInit` that is used. */
export interface TransportInit {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>
  readonly signal?: AbortSignal | undefined
}

/** Connections kept open to a registry: a test with many clients at once makes a client each. */
const MAX_CONNECTIONS = 8
/** Longest silence of a registry, in ms: as long as the global `fetch` waits. */
const IDLE_TIMEOUT_MS = 300_000

type FetchBody = NonNullable<RequestInit['body']>

/** Sends by the global `fetch`. Redirects are not followed: this registry sends its content itself. */
export const fetchTransport: Transport = (url, { method, headers, body, signal }) =>
  fetch(url, {
    method,
    headers,
    redirect: 'manual',
    ...(signal ? { signal } : {}),
    ...(body === undefined ? {} : { body: body as FetchBody, duplex: 'half' as const }),
  })

/** Sends over TLS, trusting only the given certificate authority (PEM); the global `fetch` has no option for it. */
export function createCaTransport(ca: string | string[]): Transport {
  const agent = new Agent({ ca, keepAlive: true, maxSockets: MAX_CONNECTIONS })
  return (url, init) => sendByHttps(agent, url, init)
}

/**
 * Sends to the storage of a registry whose authority is given: the storage may have a certificate of that authority, or of one
 * that the system trusts. Over plain HTTP there is none to check.
 */
export function createStorageTransport(ca: string): Transport {
  let secure: Transport | undefined
  return (url, init) => {
    if (!url.startsWith('https:')) return fetchTransport(url, init)
    secure ??= createCaTransport([ca, ...getCACertificates('default')])
    return secure(url, init)
  }
}

async function sendByHttps(agent: Agent, url: string, init: TransportInit): Promise<Response> {
  const { method, headers, body, signal } = init
  const { promise, resolve, reject } = Promise.withResolvers<Response>()
  const length = body instanceof Uint8Array ? { 'content-length': String(body.byteLength) } : {}
  const sent = request(url, {
    method,
    agent,
    headers: { ...length, ...headers },
    ...(signal ? { signal } : {}),
  })
  sent.on('error', reject)
  sent.setTimeout(IDLE_TIMEOUT_MS, () => sent.destroy(new Error('the registry fell silent')))
  sent.on('response', (received) => {
    const hasBody = method !== 'HEAD' && received.statusCode !== 204 && received.statusCode !== 304
    if (!hasBody) received.resume()
    const answered = new Headers()
    for (const [name, value] of Object.entries(received.headersDistinct)) {
      for (const one of value ?? []) answered.append(name, one)
    }
    const stream = hasBody ? (Readable.toWeb(received) as ReadableStream<Uint8Array>) : null
    resolve(
      new Response(stream as FetchBody | null, { status: received.statusCode ?? 500, headers: answered }),
    )
  })
  if (body === undefined || body instanceof Uint8Array) sent.end(body)
  // An early answer ends the body; its failure shows in the answer or in the request's own error.
  else pipeline(Readable.from(body), sent).catch(reject)
  return await promise
}
