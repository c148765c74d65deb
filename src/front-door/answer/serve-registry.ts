import type { IncomingMessage, ServerResponse } from 'node:http'
import { basename } from 'node:path'
import { addHeaders, type ContentPlan, type SiteExchange, tellTooLarge } from '../exchange/site-exchange.ts'
import type { LocationSettings } from '../vhost/settings/settings.ts'
import type { AnswerTools } from './answer-tools.ts'

const http = process.getBuiltinModule('node:http')

/** How long a refused body is read and thrown away, in milliseconds: nginx's lingering_timeout. */
const LINGER_MS = 5_000

/** Hands a request of the registry's host to the registry, with what its vhost file says of bodies and headers. */
export async function serveRegistry(
  exchange: SiteExchange,
  plan: ContentPlan,
  tools: AnswerTools,
): Promise<void> {
  // The registry's host speaks HTTP/1.1 only: the listener sees to it.
  const request = exchange.request as IncomingMessage
  const response = exchange.response as ServerResponse
  const { settings } = plan
  addHeadersWithStatus(exchange, plan, response)
  const refuse = (): void => {
    tellTooLarge(exchange, settings, tools)
    refuseTooLarge(request, response, settings)
  }
  if (settings.maxBodyBytes > 0 && !isWithin(request, settings.maxBodyBytes, refuse)) {
    refuse()
    request.resume()
    return
  }
  tools.registry(request, response)
}

/** Whether the length that is announced is allowed; one that is not is counted from here on. */
function isWithin(request: IncomingMessage, maxBytes: number, onTooLarge: () => void): boolean {
  const announced = request.headers['content-length']
  if (announced !== undefined) return Number(announced) <= maxBytes
  return request.headers['transfer-encoding'] === undefined || limitBody(request, maxBytes, onTooLarge)
}

/** Whether a header is added may depend on the status, which is known only when the head is written. */
function addHeadersWithStatus(exchange: SiteExchange, plan: ContentPlan, response: ServerResponse): void {
  const { settings, variable } = plan
  const hasHsts = exchange.scheme === 'https' && exchange.site.declaration.hsts !== undefined
  if (settings.addHeaders.length === 0 && !hasHsts) return
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse
  ;(response as { writeHead: unknown }).writeHead = (status: number, ...rest: unknown[]) => {
    addHeaders(exchange, { status, settings, variable })
    return writeHead(status, ...rest)
  }
}

/**
 * Counts a body whose length was not said; once it is too long nothing more of it is given on.
 * @returns false if what came with the head is too long already.
 */
function limitBody(request: IncomingMessage, maxBytes: number, onTooLarge: () => void): boolean {
  let received = request.readableLength
  if (received > maxBytes) return false
  let isOver = false
  request.push = (chunk: Buffer | null, ...rest) => {
    received += chunk?.length ?? 0
    if (received <= maxBytes) return http.IncomingMessage.prototype.push.call(request, chunk, ...rest)
    if (!isOver) {
      isOver = true
      // Whoever reads gets no end either, and would wait for one long after the connection is gone.
      request.socket.once('close', () => request.destroy())
      onTooLarge()
    }
    return true
  }
  return true
}

/**
 * An error as the registry's clients read them. What they still send is thrown away for a while: a connection that is
 * cut under a client that writes takes the answer with it.
 */
function refuseTooLarge(
  request: IncomingMessage,
  response: ServerResponse,
  settings: LocationSettings,
): void {
  const end = (): void => {
    request.socket.destroySoon()
  }
  if (response.headersSent) {
    end()
    return
  }
  const { maxBodyBytes, maxBodyPlace } = settings
  // The folder is the operator's business.
  const place = maxBodyPlace ? `${basename(maxBodyPlace.file)}:${maxBodyPlace.line}` : 'the configuration'
  const message = `The body is larger than the ${maxBodyBytes} bytes that client_max_body_size allows in ${place}`
  const body = JSON.stringify({
    errors: [{ code: 'SIZE_INVALID', message, detail: { limit: maxBodyBytes } }],
  })
  response.writeHead(413, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  })
  response.end(body)
  const timer = setTimeout(end, LINGER_MS).unref()
  request.once('close', () => clearTimeout(timer))
}
