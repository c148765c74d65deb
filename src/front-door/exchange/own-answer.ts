import type { ServerResponse } from 'node:http'
import type { Gzip } from 'node:zlib'
import { breakOff } from '../listen/http/messages/break-off.ts'
import { makePage } from '../listen/http/refusals/error-pages.ts'
import type { LocationSettings } from '../vhost/settings/settings.ts'
import { addRequestId, findHeader, type HeaderList } from './answer-head.ts'
import { compressAnswer } from './compress-answer.ts'
import { sentStatus } from './request-trail.ts'
import { addSiteHeaders, type SiteExchange } from './site-exchange.ts'
import { writeHead } from './write-head.ts'

/** Status and headers as sent. */
interface OwnHead {
  readonly status: number
  readonly list: HeaderList
}

/** Rules of the vhost file for an answer. */
interface AnswerRules {
  readonly settings: LocationSettings
  readonly variable: (name: string) => string
}

/**
 * Adds the location's rules to the head of an answer that is made here. `status` is the answer's own; the page of an
 * error is sent with the status of the error.
 * @returns the stream that compresses the body; undefined: it is sent uncompressed.
 */
export function finishHead(
  exchange: SiteExchange,
  rules: AnswerRules,
  { status: own, list }: { status: number; list: HeaderList },
): Gzip | undefined {
  const status = sentStatus(exchange.trail, own)
  addSiteHeaders(exchange, { ...rules, status, list })
  return compressAnswer(exchange, rules.settings, { status, list })
}

/** Writes the head of an answer that is made here. */
export function writeOwnHead({ request, response, requestId }: SiteExchange, head: OwnHead): void {
  const { status, list } = head
  addRequestId(list, requestId)

  writeHead(response, { status, list, isHttp2: request.httpVersionMajor === 2, isWhole: false })
}

/** An answer whose body is at hand. */
interface OwnAnswer {
  readonly status: number
  readonly list: HeaderList
  readonly body: Buffer
  /** Headers that are sent unless the location sets them: two values of one contradict each other. */
  readonly otherwise?: Readonly<Record<string, string>>
}

/** Answers with a text. */
export function sendOwn(exchange: SiteExchange, rules: AnswerRules, answer: OwnAnswer): void {
  const { status, body, list, otherwise = {} } = answer
  const gzip = finishHead(exchange, rules, answer)
  for (const [name, value] of Object.entries(otherwise))
    if (findHeader(list, name) === undefined) list.push(name, value)
  const response = exchange.response as ServerResponse
  if (response.headersSent || response.destroyed) {
    breakOff(response)
    return
  }
  writeOwnHead(exchange, { status: sentStatus(exchange.trail, status), list })
  if (exchange.request.method === 'HEAD') response.end()
  else if (gzip) {
    gzip.pipe(response)
    gzip.end(body)
  } else response.end(body)
}

/** Answers with the plain page of a status. */
export function sendSitePage(exchange: SiteExchange, rules: AnswerRules, status: number): void {
  const { sent, body, headers, otherwise } = makePage(exchange.response, status, exchange.site.errorPage)
  sendOwn(exchange, rules, {
    status: sent,
    list: Object.entries(headers).flat(),
    body: Buffer.from(body),
    otherwise,
  })
}
