import type { ServerResponse } from 'node:http'
import { basename } from 'node:path'
import {
  type ContentPlan,
  logTooLarge,
  type SiteExchange,
  toAddedHeaders,
} from '../exchange/site-exchange.ts'
import type { Http1Request } from '../listen/http/messages/http1-message.ts'
import type { LocationSettings } from '../vhost/settings/settings.ts'
import type { RefusalWords } from '../visit/served.ts'
import type { AddedHeaders, Visit } from '../visit/visit.ts'
import type { AnswerTools } from './answer-tools.ts'

/** Time for which a refused body is read and dropped, in milliseconds: nginx's lingering_timeout. */
const LINGER_MS = 5_000

/** Hands a visit of the registry's host to the registry, with the limits and headers of its vhost file. */
export async function serveRegistry(
  exchange: SiteExchange,
  plan: ContentPlan,
  tools: AnswerTools,
): Promise<void> {
  // The registry's host speaks HTTP/1.1 only: the listener sees to it. The registry gets the request with the headers
  // as the client wrote them, and reads no claims about certificates in them.
  const request = exchange.request as Http1Request
  const response = exchange.response as ServerResponse
  const { settings } = plan
  const addedHeaders = createAdditions(exchange, plan)
  const refuse = (): void => {
    logTooLarge(exchange, settings, tools)
    const { maxBodyBytes: maxBytes, maxBodyPlace } = settings
    // The folder is not shown to clients.
    const place = maxBodyPlace ? `${basename(maxBodyPlace.file)}:${maxBodyPlace.line}` : 'the configuration'
    const words = tools.served.word({ kind: 'body-too-large', maxBytes, place })
    refuseTooLarge(request, response, { words, headers: addedHeaders?.(413) })
  }
  if (settings.maxBodyBytes > 0 && !isWithin(exchange, settings, refuse)) {
    refuse()
    request.resume()
    return
  }
  tools.served.serve(request, response, toVisit(exchange, addedHeaders))
}

/** Without what the site made of it. */
function toVisit(exchange: SiteExchange, addedHeaders: Visit['addedHeaders']): Visit {
  const { requestId, trace, remoteAddress, peerAddress, remotePort, isPeerTrusted } = exchange
  const { target, targetAuthority } = exchange
  const { scheme, serverPort, origin, doubt, tls } = exchange
  return {
    requestId,
    trace,
    remoteAddress,
    peerAddress,
    remotePort,
    isPeerTrusted,
    target,
    targetAuthority,
    scheme,
    serverPort,
    origin,
    doubt,
    tls,
    addedHeaders,
  }
}

/** True if the announced length is allowed; an unknown length is counted from here on. */
function isWithin(
  { request, headers }: SiteExchange,
  { maxBodyBytes }: LocationSettings,
  onTooLarge: () => void,
): boolean {
  const announced = headers['content-length']
  if (announced !== undefined) return Number(announced) <= maxBodyBytes
  if (headers['transfer-encoding'] === undefined) return true
  return (request as Http1Request).limitBody(maxBodyBytes, onTooLarge)
}

/** Adds headers when the head is written: some depend on the status. */
function createAdditions(exchange: SiteExchange, { settings, variable }: ContentPlan): Visit['addedHeaders'] {
  const hasHsts = exchange.scheme === 'https' && exchange.site.declaration.hsts !== undefined
  if (settings.addHeaders.length === 0 && !hasHsts) return undefined
  return (status) => toAddedHeaders(exchange, { status, settings, variable })
}

/**
 * Answers in the registry's words. What the client still sends is thrown away for a while: a connection that is cut
 * under a client that writes takes the answer with it.
 */
function refuseTooLarge(
  request: Http1Request,
  response: ServerResponse,
  { words, headers = {} }: { words: RefusalWords; headers: AddedHeaders | undefined },
): void {
  const end = (): void => {
    request.socket.destroySoon()
  }
  if (response.headersSent) {
    end()
    return
  }
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.writeHead(413, {
    'content-type': words.type,
    'content-length': Buffer.byteLength(words.body),
    connection: 'close',
  })
  response.end(words.body)
  const timer = setTimeout(end, LINGER_MS).unref()
  request.once('close', () => clearTimeout(timer))
}
