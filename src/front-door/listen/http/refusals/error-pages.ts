import type { ServerResponse } from 'node:http'
import { breakOff } from '../messages/break-off.ts'
import type { DoorResponse } from '../messages/door-request.ts'

/** Text for visitors, by status: little, and nothing about the servers behind. */
const PAGES: Readonly<Record<number, readonly [title: string, text: string]>> = {
  301: ['Moved permanently', 'This page is served over HTTPS.'],
  302: ['Found', 'This page is somewhere else.'],
  303: ['See other', 'This page is somewhere else.'],
  307: ['Temporary redirect', 'This page is somewhere else for now.'],
  308: ['Moved permanently', 'This page is served over HTTPS.'],
  400: ['Bad request', 'This request cannot be understood.'],
  401: ['Log-in needed', 'This page is for those who have an account.'],
  403: ['Forbidden', 'This page is not for you.'],
  404: ['Not found', 'There is nothing here.'],
  405: ['Not allowed', 'This cannot be done here.'],
  408: ['Too slow', 'The request did not arrive in time.'],
  411: ['Length required', 'The request must say how long its body is.'],
  412: ['Not that version', 'This page has changed from the one that was asked for.'],
  413: ['Too large', 'The request is larger than this site takes.'],
  414: ['Address too long', 'The address is longer than this site takes.'],
  416: ['No such part', 'The part that was asked for does not exist.'],
  417: ['Expectation failed', 'What the request expects cannot be met.'],
  421: ['Misdirected request', 'This site is not served over this connection.'],
  429: ['Too many requests', 'Wait a little and try again.'],
  431: ['Headers too large', 'The headers of the request are larger than this site takes.'],
  495: ['Certificate not accepted', 'The SSL certificate error.'],
  496: ['Certificate needed', 'No required SSL certificate was sent.'],
  500: ['Server error', 'Something went wrong here.'],
  501: ['Not implemented', 'This cannot be done here.'],
  502: ['Bad gateway', 'The application behind this site gave no answer that can be passed on.'],
  503: ['Not available', 'Nothing serves this site now. It may be back in a moment.'],
  504: ['Gateway timeout', 'The application behind this site did not answer in time.'],
  508: ['Loop detected', 'This site is passed on to itself.'],
  505: ['Version not supported', 'This version of HTTP is not spoken here.'],
  507: ['No room', 'There is no room left here.'],
}

/** nginx's own number for a refused client certificate: the status sent is 400. */
export const CERTIFICATE_REFUSED = 495
export const CERTIFICATE_MISSING = 496

/** Seconds after which to try again if a site is not served: a container starts in less. */
const RETRY_AFTER_S = 10

/** The page of a status: plain, without anything from elsewhere. */
export function formatErrorPage(number: number): string {
  const status = sentFor(number)
  const [title, text] = PAGES[number] ?? ['Error', 'This request was not served.']
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title></head>
<body style="font-family:sans-serif;max-width:32em;margin:15vh auto;padding:0 1em"><h1>${title}</h1><p>${text}</p><p>${status}</p></body>
</html>
`
}

/** The page of a status with what belongs to it. */
interface StatusPage {
  readonly sent: number
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  /** Headers that are sent unless they are set already. */
  readonly otherwise: Readonly<Record<string, string>>
}

/** Statuses for which nginx-proxy shows the page of the operator. */
const OF_OPERATOR: ReadonlySet<number> = new Set([500, 502, 503, 504])

/** Makes the page of a status for an answer that was not begun. `own`: the page of the operator, for failures. */
export function makePage(response: DoorResponse, status: number, own?: string): StatusPage {
  const body = own !== undefined && OF_OPERATOR.has(status) ? own : formatErrorPage(status)
  // A longer wait that is already set counts.
  const isLater = (status === 503 || status === 429) && !response.hasHeader('retry-after')
  return {
    sent: sentFor(status),
    body,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
    },
    otherwise: {
      'x-content-type-options': 'nosniff',
      ...(isLater && { 'retry-after': String(RETRY_AFTER_S) }),
      'cache-control': NOT_KEPT,
    },
  }
}

const NOT_KEPT = 'no-store'

/** Answers with the page of a status, if no answer was begun; headers that were set before go with it. */
export function sendPage(
  response: DoorResponse,
  status: number,
  more: Record<string, string> = {},
  own?: string,
): void {
  const { sent, body, headers, otherwise } = makePage(response, status, own)
  send(response, { status: sent, body, headers: { ...headers, ...otherwise, ...more } })
}

function sentFor(status: number): number {
  return status === CERTIFICATE_REFUSED || status === CERTIFICATE_MISSING ? 400 : status
}

/** Answers with plain text. */
export function sendText(response: DoorResponse, status: number, text: string): void {
  send(response, {
    status,
    body: text,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': String(Buffer.byteLength(text)),
      'cache-control': NOT_KEPT,
      'x-content-type-options': 'nosniff',
    },
  })
}

function send(
  anyResponse: DoorResponse,
  answer: { status: number; body: string; headers: Record<string, string> },
): void {
  // Both versions have the same methods here, but their types cannot be called as one.
  const response = anyResponse as ServerResponse
  if (response.headersSent || response.destroyed) {
    breakOff(response)
    return
  }
  const { status, body, headers } = answer
  response.writeHead(status, headers)
  // As bytes: Node writes the head in the encoding of a text that follows it, and headers may hold any bytes.
  response.end(response.req.method === 'HEAD' ? undefined : Buffer.from(body))
}
