import type { IncomingMessage, RequestOptions } from 'node:http'
import { nameError } from './name-error.ts'

/** Longest wait for a collector, in milliseconds. */
const TIMEOUT_MS = 5_000
/** Largest answer that is read, in bytes: it holds at most a number and a message. */
const MAX_ANSWER_BYTES = 64 * 1024

/** Result of one request to a collector. */
type Posted =
  | { readonly kind: 'accepted'; readonly rejected: number }
  /** `isTemporary`: the same spans may be accepted later. */
  | { readonly kind: 'failed'; readonly isTemporary: boolean; readonly reason: string }

/** A server that takes spans. */
export interface Collector {
  /** With its path, without user, password and query. */
  readonly url: string
  /** Headers with the log-in at the collector; called for each request. Errors: they cannot be read. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>
}

/** Statuses after which OTLP allows another attempt. */
const TEMPORARY: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** Sends a body to a collector. Never rejects. */
export async function postSpans(
  { url, headers }: Collector,
  body: string,
  signal: AbortSignal,
): Promise<Posted> {
  try {
    const own = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const response = await send(url, body, {
      method: 'POST',
      headers: { ...(await headers()), ...own },
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    })
    const { statusCode: status = 0 } = response
    const text = await readStart(response)
    if (status >= 200 && status < 300) return { kind: 'accepted', rejected: readRejected(text) }
    return { kind: 'failed', isTemporary: TEMPORARY.has(status), reason: `status ${status}` }
  } catch (error) {
    return { kind: 'failed', isTemporary: true, reason: nameError(error) }
  }
}

function send(url: string, body: string, options: RequestOptions): Promise<IncomingMessage> {
  // Not imported: Node would load its fetch, too, which takes memory.
  const { request } = process.getBuiltinModule(url.startsWith('https:') ? 'node:https' : 'node:http')
  return new Promise((resolve, reject) => {
    request(url, options, resolve).once('error', reject).end(body)
  })
}

async function readStart(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk
    // The loop's end closes the connection.
    if (text.length > MAX_ANSWER_BYTES) break
  }
  return text
}

/** Spans that the collector refused of a request that it accepted. */
function readRejected(text: string): number {
  try {
    const answer = JSON.parse(text) as { partialSuccess?: { rejectedSpans?: string | number } } | null
    const count = Number(answer?.partialSuccess?.rejectedSpans ?? 0)
    return Number.isSafeInteger(count) && count > 0 ? count : 0
  } catch {
    // Some collectors answer without JSON: they refuse nothing.
    return 0
  }
}
