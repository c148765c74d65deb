import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { METRICS_TYPE } from './format-metrics.ts'

/** Connections at once: a few programs scrape, each with one or two. */
const MAX_CONNECTIONS = 32
/** Longest time to send a request, in milliseconds. */
const REQUEST_TIMEOUT_MS = 5_000

/** Longest silence of a connection, in milliseconds: a scraper that reads nothing must not keep the others out. */
const IDLE_TIMEOUT_MS = 10_000

/** Address of the listener: a host and a port, or a Unix socket. */
type MetricsAddress = { readonly host?: string; readonly port: number } | { readonly path: string }

/** A listener that answers `GET /metrics` and nothing else. */
interface MetricsListener extends AsyncDisposable {
  /** URL, with the port that the system chose. */
  readonly url: string
}

/** Answers to scrapes. */
interface ListenerParts {
  /** The text of a scrape. */
  readonly scrape: () => Promise<string>
  /** Called with failures of a scrape, which gets 500. */
  readonly onFailure: (error: unknown) => void
}

/** Listens for scrapes. Errors: those of the system. */
export async function openMetricsListener(
  address: MetricsAddress,
  { scrape, onFailure }: ListenerParts,
): Promise<MetricsListener> {
  // Not imported: Node would load its fetch, too, which takes memory.
  const { createServer } = process.getBuiltinModule('node:http')
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    void answer(request, response, scrape).catch((error: unknown) => {
      onFailure(error)
      send(response, 500, 'the metrics cannot be read\n')
    })
  })
  server.maxConnections = MAX_CONNECTIONS
  server.setTimeout(IDLE_TIMEOUT_MS)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(address, resolve)
  })
  return {
    url: toUrl(server.address()),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  scrape: () => Promise<string>,
): Promise<void> {
  if (url.split('?', 1)[0] !== '/metrics') return send(response, 404, 'only /metrics is here\n')
  if (method !== 'GET' && method !== 'HEAD') return send(response, 405, 'use GET\n')
  send(response, 200, await scrape(), METRICS_TYPE)
}

function send(
  response: ServerResponse,
  status: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): void {
  const body = Buffer.from(text)
  response.writeHead(status, {
    'content-type': type,
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}

function toUrl(address: ReturnType<Server['address']>): string {
  if (address === null || typeof address === 'string') return `unix:${address ?? ''}`
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${host}:${address.port}/metrics`
}
