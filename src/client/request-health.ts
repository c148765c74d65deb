import type { IncomingMessage } from 'node:http'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { isJsonObject } from '../oci/descriptor.ts'

/** Longest body of a health answer that is read, in bytes: real ones have some 200. */
const MAX_BODY_BYTES = 64 * 1024
/** First line of a connection to a listener that requires the PROXY protocol: it names no visitor. */
const PROXY_HEADER = 'PROXY UNKNOWN\r\n'

/** A way to a listener of a server on this machine. */
export interface HealthRoute {
  /** For messages, such as `https://127.0.0.1:443`. */
  readonly url: string
  readonly to: { readonly host: string; readonly port: number } | { readonly path: string }
  readonly isTls: boolean
  /** Host of the request, and name of the TLS server. */
  readonly hostName: string
  readonly hasProxyHeader: boolean
}

/** Answer of a server. */
interface Health {
  readonly status: number
  /** The fault that the server names; undefined: it has none. */
  readonly fault: string | undefined
}

/**
 * Requests `/livez` or `/readyz`. The certificate is not verified: the listener is found by its address on this machine,
 * and no secret is sent.
 * Errors: those of the connection; `Error` if the answer is not one of Berth; the reason of `signal`.
 */
export async function requestHealth(route: HealthRoute, path: string, signal: AbortSignal): Promise<Health> {
  const { request } = process.getBuiltinModule('node:http')
  using socket = openSocket(route)
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { host: route.hostName, connection: 'close', 'user-agent': 'berth-health' }
    const sent = request({ path, headers, signal, createConnection: () => socket.stream })
    sent.on('response', resolve)
    sent.on('error', reject)
    sent.end()
  })
  const body = await readText(answer)
  const status = answer.statusCode ?? 0
  if (answer.headers['docker-distribution-api-version'] === undefined)
    throw new Error(`the answer, with status ${status}, is not one of Berth`)
  return { status, fault: status === 200 ? undefined : readFault(body) }
}

function openSocket({ to, isTls, hostName, hasProxyHeader }: HealthRoute): { stream: Socket } & Disposable {
  const raw = connectTcp(to)
  if (hasProxyHeader) raw.write(PROXY_HEADER)
  const stream = isTls ? connectTls({ socket: raw, servername: hostName, rejectUnauthorized: false }) : raw
  return {
    stream,
    [Symbol.dispose]() {
      stream.destroy()
      raw.destroy()
    },
  }
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.byteLength
    if (size > MAX_BODY_BYTES) throw new Error('the answer is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** Message of the first error of an OCI error body. */
function readFault(body: string): string {
  try {
    const value: unknown = JSON.parse(body)
    const [first] = isJsonObject(value) && Array.isArray(value.errors) ? value.errors : []
    if (isJsonObject(first) && typeof first.message === 'string') return first.message
  } catch {
    // Not JSON: the status says it.
  }
  return 'it gives no reason'
}
