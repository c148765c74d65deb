import { once } from 'node:events'
import { Agent, type RequestOptions, request } from 'node:https'
import { buffer } from 'node:stream/consumers'

/** Longest wait for an answer, in ms. */
const TIMEOUT_MS = 30_000

/** A server on this machine, and the log-in of its requests. */
export interface TlsTarget {
  readonly port: number
  /** Name that the server's certificate has to have. */
  readonly domain: string
  /** PEM of the CA to trust; undefined: no certificate is verified, as before the CA of a new data folder is known. */
  readonly ca: string | undefined
  readonly user: string
  readonly password: string
}

/** A request with a body of bytes. */
interface TlsRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** Sends a request with a log-in to a server of TLS on this machine. */
export async function sendTls(
  target: TlsTarget,
  { method, path, headers = {}, body }: TlsRequest,
): Promise<{ status: number; body: Buffer }> {
  const basic = Buffer.from(`${target.user}:${target.password}`).toString('base64')
  const options: RequestOptions = {
    ...{ host: '127.0.0.1', port: target.port, servername: target.domain, method, path },
    headers: { host: `${target.domain}:${target.port}`, authorization: `Basic ${basic}`, ...headers },
    ...(target.ca === undefined ? { rejectUnauthorized: false } : { ca: target.ca }),
    agent: new Agent({ keepAlive: false }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }
  const outgoing = request(options)
  outgoing.end(body)
  const [incoming] = await once(outgoing, 'response')
  return { status: incoming.statusCode, body: await buffer(incoming) }
}
