import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { noteSecret } from '../support/program/secret-canary.ts'

/** An answer, whole. */
export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
  /** The body as a JSON object; fails if it is none. */
  readonly json: Record<string, unknown>
  /** Code of the first error of an OCI error body; undefined if it is none. */
  readonly code: string | undefined
  /** Our end of the connection: the same port twice is the same socket. */
  readonly localPort: number | undefined
}

/** A body to send; `chunked` leaves the length out. */
export interface RequestOptions {
  readonly headers?: OutgoingHttpHeaders
  readonly body?: Uint8Array | string
  readonly chunked?: boolean
}

/** One kept connection: each request goes over the socket of the one before, as long as the server keeps it. */
export class Connection implements Disposable {
  readonly #url: string
  readonly #headers: OutgoingHttpHeaders
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  constructor(url: string, headers: OutgoingHttpHeaders) {
    this.#url = url
    this.#headers = headers
  }

  /** The path is sent unchanged, while `fetch()` would normalize it. */
  async send(method: string, path: string, options: RequestOptions = {}): Promise<Reply> {
    const { host, hostname, port } = new URL(this.#url)
    const headers: OutgoingHttpHeaders = { host, ...this.#headers, ...options.headers }
    for (const name of Object.keys(headers)) if (headers[name] === undefined) delete headers[name]
    noteAuthorization(headers.authorization)
    const outgoing = request({ agent: this.#agent, hostname, port, method, path, headers })
    if (options.body !== undefined && options.chunked !== true) {
      outgoing.setHeader('content-length', headers['content-length'] ?? Buffer.byteLength(options.body))
    }
    outgoing.end(options.body)
    const [response] = await once(outgoing, 'response')
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const reply = toReply(response.statusCode, response.headers, {
      body,
      localPort: outgoing.socket?.localPort,
    })
    noteTokens(reply)
    return reply
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

/**
 * Sends bytes as they are. @returns all bytes received until the server closed; `isClosed` is false if it did not in
 * time.
 */
export async function sendRaw(
  url: string,
  text: string,
  withinMs = 5_000,
): Promise<{ text: string; isClosed: boolean }> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => socket.destroy())
  socket.write(text, 'latin1')
  const deadline = AbortSignal.timeout(withinMs)
  let isClosed = true
  try {
    await Promise.race([
      once(socket, 'end', { signal: deadline }),
      once(socket, 'close', { signal: deadline }),
    ])
  } catch (error) {
    assert.equal((error as Error).name, 'AbortError')
    isClosed = false
  }
  socket.destroy()
  return { text: Buffer.concat(chunks).toString('latin1'), isClosed }
}

function toReply(
  status: number,
  headers: IncomingHttpHeaders,
  { body, localPort }: { body: Buffer; localPort: number | undefined },
): Reply {
  return {
    status,
    headers,
    body,
    text: body.toString(),
    localPort,
    get json() {
      return JSON.parse(body.toString()) as Record<string, unknown>
    },
    get code() {
      const { errors } = JSON.parse(body.toString() || '{}') as { errors?: { code: string }[] }
      return errors?.[0]?.code
    },
  }
}

function noteAuthorization(header: unknown): void {
  if (typeof header !== 'string') return
  noteSecret(header.slice(header.indexOf(' ') + 1))
}

function noteTokens({ headers, text }: Reply): void {
  if (headers['content-type'] !== 'application/json' || !text.includes('token"')) return
  const answer = JSON.parse(text) as Record<string, unknown>
  for (const name of ['token', 'access_token', 'refresh_token']) {
    const value = answer[name]
    if (typeof value === 'string') noteSecret(value)
  }
}
