import { readFileSync } from 'node:fs'
import type { Agent, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { request as requestTls, Agent as TlsAgent } from 'node:https'
import { getCACertificates } from 'node:tls'
import { AcmeError } from './acme-error.ts'

const http = process.getBuiltinModule('node:http')

/** Longest time for one request and its reply, in ms. A CA may take a while over an order; minutes are a hang. */
const REQUEST_TIMEOUT_MS = 30_000
/** Largest reply that is read, in bytes: a chain has some 6 KB, an order of 100 names 20 KB. */
export const MAX_REPLY_BYTES: number = 512 * 1024
/** Connections to a CA at once. */
const MAX_CONNECTIONS = 4

/** A request to a CA. */
interface AcmeRequest {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** A reply, read to its end. */
export interface AcmeReply {
  readonly url: string
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Speaks HTTP with a CA, with bounds on time and size; redirects are not followed. Disposing closes its connections. */
export interface AcmeTransport extends Disposable {
  /** Errors: `ACME_UNREACHABLE`, `ACME_RESPONSE_INVALID` for a reply that is too large. */
  exchange(request: AcmeRequest, signal?: AbortSignal): Promise<AcmeReply>
}

/** Settings of the transport to a CA. */
interface TransportOptions {
  /** PEM file of roots to trust beside the usual ones. */
  readonly caFile?: string | undefined
  readonly timeoutMs?: number | undefined
  readonly userAgent: string
}

/**
 * A transport for one CA. `HTTPS_PROXY` and `NO_PROXY` of the environment hold.
 * Errors: `ACME_UNREACHABLE` if the file of roots cannot be read.
 */
export function createTransport(options: TransportOptions): AcmeTransport {
  const settings = { keepAlive: true, maxSockets: MAX_CONNECTIONS, proxyEnv: process.env }
  const ca =
    options.caFile === undefined ? {} : { ca: [...getCACertificates('default'), readRoots(options.caFile)] }
  const tls = new TlsAgent({ ...settings, ...ca })
  const plain = new http.Agent(settings)
  const timeoutMs = options.timeoutMs ?? REQUEST_TIMEOUT_MS
  return {
    async exchange(request, signal) {
      const url = parseUrl(request.url)
      const deadline = AbortSignal.timeout(timeoutMs)
      const either = signal === undefined ? deadline : AbortSignal.any([deadline, signal])
      try {
        return await send(request, url, {
          agent: url.protocol === 'https:' ? tls : plain,
          signal: either,
          options,
        })
      } catch (error) {
        if (error instanceof AcmeError) throw error
        signal?.throwIfAborted()
        throw unreachable(
          url.host,
          deadline.aborted ? `no answer within ${timeoutMs / 1000} s` : formatError(error),
          error,
        )
      }
    },
    [Symbol.dispose]() {
      tls.destroy()
      plain.destroy()
    },
  }
}

/** Plain HTTP is for a test CA on this machine; from elsewhere the answers could be forged. */
function parseUrl(text: string): URL {
  const url = URL.parse(text)
  const isLocal = url?.protocol === 'http:' && LOOPBACK.includes(url.hostname)
  if (url !== null && (url.protocol === 'https:' || isLocal)) return url
  throw new AcmeError(
    'ACME_RESPONSE_INVALID',
    `the CA named an address that is not an https URL: ${text.slice(0, 100)}`,
    'Check acme-directory.',
  )
}

const LOOPBACK = ['127.0.0.1', '[::1]', 'localhost']

interface SendContext {
  readonly agent: TlsAgent | Agent
  readonly signal: AbortSignal
  readonly options: TransportOptions
}

async function send(request: AcmeRequest, url: URL, context: SendContext): Promise<AcmeReply> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const start = url.protocol === 'https:' ? requestTls : http.request
  const outgoing = start(url, {
    method: request.method,
    agent: context.agent,
    signal: context.signal,
    headers: {
      'user-agent': context.options.userAgent,
      'accept-language': 'en',
      ...request.headers,
      ...(request.body === undefined ? {} : { 'content-length': Buffer.byteLength(request.body) }),
    },
  })
  outgoing.once('response', resolve).once('error', reject)
  outgoing.end(request.body)
  const reply = await promise
  const body = await readBounded(reply, url.host)
  return { url: request.url, status: reply.statusCode ?? 0, headers: reply.headers, body }
}

async function readBounded(reply: IncomingMessage, host: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of reply) {
    if (!Buffer.isBuffer(chunk)) continue
    sizeBytes += chunk.length
    if (sizeBytes > MAX_REPLY_BYTES) {
      reply.destroy()
      throw new AcmeError(
        'ACME_RESPONSE_INVALID',
        `${host} sent more than ${MAX_REPLY_BYTES / 1024} KiB in one reply`,
        'This is not what a CA sends: check acme-directory, and what stands between.',
      )
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function readRoots(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new AcmeError(
      'ACME_UNREACHABLE',
      `the file of acme-directory-ca cannot be read: ${formatError(error)}`,
      'Give a PEM file that this process may read.',
      { cause: error },
    )
  }
}

function unreachable(host: string, reason: string, cause: unknown): AcmeError {
  const isTrust = /certificate|self.signed|issuer/i.test(reason)
  const remedy = isTrust
    ? 'If the CA is your own, name its root certificate in acme-directory-ca; check the clock of this machine, too.'
    : 'Check that this machine reaches the CA: DNS, firewall, proxy. Berth tries again by itself.'
  return new AcmeError('ACME_UNREACHABLE', `${host} cannot be reached: ${reason}`, remedy, { cause })
}

/** Node puts the causes of a failed connection into an error without a message of its own. */
function formatError(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return formatError(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}
