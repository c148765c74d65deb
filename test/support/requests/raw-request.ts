import { createHash } from 'node:crypto'
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'

/** Longest silence of the server before a request counts as lost, in ms. */
const SILENCE_MS = 30_000
/** Bytes of an answer that are kept; larger ones are only hashed. */
const MAX_KEPT_BYTES = 1024 * 1024

/** An answer, read to its end. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Empty if it was larger than 1 MiB. */
  readonly body: Buffer
  readonly size: number
  /** SHA-256 of the body, as an OCI digest. */
  readonly digest: string
  /** Local port of the connection: the same port twice is a reused connection. */
  readonly localPort: number | undefined
}

/** Options of a request. */
export interface Sending {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Leave out the length of the body. */
  readonly isChunked?: boolean
}

/** The server did not answer to the end: it may or may not have carried out the request. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** Sends requests to one server over kept connections, and follows no redirects. */
export class RawClient implements Disposable {
  readonly #port: number
  readonly #authorization: string | undefined
  readonly #agent: Agent

  constructor(port: number, options: { authorization?: string | undefined; maxSockets?: number } = {}) {
    this.#port = port
    this.#authorization = options.authorization
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.maxSockets ?? 64 })
  }

  /** Errors: {@link Interrupted}. */
  send(
    method: string,
    path: string,
    { headers = {}, body, isChunked = false }: Sending = {},
  ): Promise<Answer> {
    const authorization = this.#authorization === undefined ? {} : { authorization: this.#authorization }
    // Node adds a length by itself if neither is given.
    const chunked: Record<string, string> = { 'transfer-encoding': 'chunked' }
    const length = isChunked ? chunked : body ? { 'content-length': String(body.length) } : {}
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const outgoing = request({
      agent: this.#agent,
      host: '127.0.0.1',
      port: this.#port,
      method,
      path,
      headers: { ...authorization, ...length, ...headers },
    })
    const fail = (error: Error): void =>
      reject(new Interrupted(`${method} ${path}: ${error.message}`, { cause: error }))
    outgoing.setTimeout(SILENCE_MS, () => outgoing.destroy(new Error('no answer in time')))
    outgoing.on('error', fail)
    outgoing.on('response', (incoming) => {
      readAnswer(incoming).then(resolve, fail)
    })
    outgoing.end(body)
    return promise
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

async function readAnswer(incoming: IncomingMessage): Promise<Answer> {
  const hash = createHash('sha256')
  const kept: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    hash.update(chunk)
    size += chunk.length
    if (size <= MAX_KEPT_BYTES) kept.push(chunk)
  }
  if (!incoming.complete) throw new Error('the answer was cut off')
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    body: size <= MAX_KEPT_BYTES ? Buffer.concat(kept) : Buffer.alloc(0),
    size,
    digest: `sha256:${hash.digest('hex')}`,
    localPort: incoming.socket?.localPort,
  }
}
