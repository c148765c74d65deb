import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Gzip } from 'node:zlib'
import { endTogether, MAX_JOINED_BYTES } from '../../../stream/end-together.ts'
import type { UnsentHold } from '../../../stream/unsent-bytes.ts'
import { addRequestId, dropHeader } from '../../exchange/answer-head.ts'
import { compressAnswer } from '../../exchange/compress-answer.ts'
import { createPace, type Pace } from '../../exchange/limit-rate.ts'
import { sentStatus } from '../../exchange/request-trail.ts'
import { DrainWait, untilTaken } from '../../exchange/send-timeout.ts'
import type { JudgedVisit } from '../../exchange/site-exchange.ts'
import { addSiteHeaders, type ContentPlan, type SiteExchange } from '../../exchange/site-exchange.ts'
import { lengthOf, toPairs, writeHead } from '../../exchange/write-head.ts'
import { breakOff } from '../../listen/http/messages/break-off.ts'
import type { UpstreamDeclaration, UpstreamServer } from '../../sites/site-declaration.ts'
import type { LocationSettings } from '../../vhost/settings/settings.ts'
import { responseHeaders } from './response-headers.ts'
import { redirectFacts } from './upstream-origin.ts'

/** Bytes that a connection to an upstream reads ahead while its answer is not taken: one read of the system. */
const READ_AHEAD_BYTES = 64 * 1024

/** Source of an answer. */
interface AnswerSource {
  /** More can be taken. */
  resume(): void
  /** Drops the rest. */
  abort(): void
}

/** The head of an upstream's answer. */
export interface AnswerHead {
  readonly status: number
  /** Names and values in turn. */
  readonly raw: readonly (Buffer | string)[]
  /** True if there is no body and no trailer. */
  readonly isWhole: boolean
}

/** True if the vhost file has a page of its own for an answer of an upstream. */
export function isIntercepted({ interceptErrors, errorPages }: LocationSettings, status: number): boolean {
  return interceptErrors && status >= 300 && errorPages.some(({ statuses }) => statuses.includes(status))
}

/**
 * Keeps the challenges of a 401 for the page that replaces it, as nginx does: without them a browser does not prompt.
 */
export function keepChallenges({ response }: SiteExchange, raw: AnswerHead['raw']): void {
  const challenges = raw
    .filter((_, at) => at % 2 === 1 && /^www-authenticate$/i.test(String(raw[at - 1])))
    .map((value) => value.toString('latin1'))
  if (challenges.length > 0 && !response.headersSent)
    (response as ServerResponse).setHeader('www-authenticate', challenges)
}

/** Passes an upstream's answer on as it comes, with the added headers, and at the client's pace. */
export class AnswerPassing {
  readonly #exchange: SiteExchange
  readonly #plan: ContentPlan
  readonly #source: AnswerSource
  readonly #settings: LocationSettings
  readonly #response: ServerResponse
  readonly #isHttp2: boolean
  #gzip: Gzip | undefined
  #isHeadOut = false
  /** Length of an answer that may be sent in one piece. */
  #joinedLength: number | undefined
  /** That answer, once it is complete; its end comes next. */
  #joined: Buffer | undefined
  readonly #pace: Pace | undefined
  #drain: DrainWait | undefined
  #hold: UnsentHold | undefined

  constructor(exchange: SiteExchange, plan: ContentPlan, source: AnswerSource) {
    this.#exchange = exchange
    this.#plan = plan
    this.#source = source
    this.#settings = plan.settings
    this.#pace = createPace(this.#settings.bytesPerSecond)
    this.#response = exchange.response as ServerResponse
    this.#isHttp2 = exchange.request.httpVersionMajor === 2
  }

  head(
    { status, raw, isWhole }: AnswerHead,
    from: { upstream: UpstreamDeclaration; server: UpstreamServer },
  ): void {
    const list = answerHeaders(this.#exchange, this.#plan, { status, raw, ...from })
    const sent = sentStatus(this.#exchange.trail, status)
    // RFC 9110 section 8.6: none may be sent with 204, and clients would wait for that many bytes.
    if (sent === 204) dropHeader(list, 'content-length')
    addRequestId(list, this.#exchange.requestId)
    this.#gzip = isWhole ? undefined : compressAnswer(this.#exchange, this.#settings, { status: sent, list })
    writeHead(this.#response, { status: sent, list, isHttp2: this.#isHttp2, isWhole })
    this.#gzip?.pipe(this.#response)
    if (this.#isHttp2) return
    const length = this.#gzip || this.#pace ? undefined : lengthOf(list)
    // Node keeps a head back until there is more; clients of event streams have to see it at once.
    if (length && length <= MAX_JOINED_BYTES) this.#joinedLength = length
    else setImmediate(() => this.#sendHead())
  }

  #sendHead(): void {
    if (!this.#isHeadOut && !this.#response.writableEnded && !this.#response.destroyed)
      this.#response.flushHeaders()
  }

  /** @returns false to pause until the source's `resume` is called. */
  data(chunk: Buffer): boolean {
    if (this.#response.destroyed) return false
    if (chunk.length === this.#joinedLength) {
      this.#joined = chunk
      return true
    }
    this.#joinedLength = undefined
    this.#isHeadOut = this.#gzip === undefined
    const { taken } = this.#count(chunk)
    const isTaken = this.#gzip ? this.#gzip.write(chunk, taken) : this.#response.write(chunk, taken)
    const waitMs = this.#pace?.(chunk.length) ?? 0
    if (isTaken && waitMs === 0) return true
    if (isTaken) setTimeout(() => this.#source.resume(), waitMs)
    else this.#waitForDrain(waitMs)
    return false
  }

  #count(chunk: Buffer): UnsentHold {
    if (!this.#hold) {
      this.#hold = this.#exchange.holds.holdAnswer(this.#response)
      this.#hold.readsAhead(READ_AHEAD_BYTES)
    }
    this.#hold.add(chunk.length)
    return this.#hold
  }

  /** A client that takes nothing for `send_timeout` is given up. */
  #waitForDrain(waitMs: number): void {
    const { sendTimeoutMs: timeoutMs } = this.#settings
    this.#drain ??= new DrainWait(this.#response, { timeoutMs, through: this.#gzip })
    this.#drain.begin(() => {
      if (waitMs === 0) this.#source.resume()
      else setTimeout(() => this.#source.resume(), waitMs)
    })
  }

  end(trailers: readonly string[] | undefined): void {
    if (trailers && trailers.length > 0 && this.#isHttp2) this.#response.addTrailers(toPairs(trailers))
    if (this.#joined !== undefined) {
      endTogether(this.#response, this.#joined)
      return
    }
    untilTaken(this.#response, 'finish', { timeoutMs: this.#settings.sendTimeoutMs }).catch(ignore)
    if (this.#gzip) this.#gzip.end()
    else this.#response.end()
  }

  /** The client is gone, or has all. */
  close(): void {
    this.#source.abort()
  }
}

/** Passes on an answer that Node's own client read. Settles when it is over, or the client gone. */
export async function passIncoming(
  exchange: SiteExchange,
  plan: ContentPlan,
  {
    answer,
    upstream,
    server,
  }: { answer: IncomingMessage; upstream: UpstreamDeclaration; server: UpstreamServer },
): Promise<undefined> {
  const response = exchange.response as ServerResponse
  const passing = new AnswerPassing(exchange, plan, {
    resume: () => void answer.resume(),
    abort: () => void answer.destroy(),
  })
  const over = new Promise<void>((resolve) => {
    response.once('close', () => {
      passing.close()
      resolve()
    })
  })
  const head = { status: answer.statusCode ?? 502, raw: answer.rawHeaders, isWhole: false }
  passing.head(head, { upstream, server })
  answer.on('data', (chunk: Buffer) => {
    if (!passing.data(chunk)) answer.pause()
  })
  answer.once('end', () => passing.end(undefined))
  answer.on('error', ignore)
  answer.once('close', () => {
    // The visitor's answer is not whole: breaking the connection shows it.
    if (!answer.complete) breakOff(response)
  })
  await over
}

function ignore(): void {}

/** The headers of an upstream's answer in the form for the visitor. */
export function answerHeaders(
  exchange: JudgedVisit,
  { content, redirect, settings, variable }: ContentPlan,
  {
    status,
    raw,
    upstream,
    server,
  }: {
    status: number
    raw: readonly (Buffer | string)[]
    upstream: UpstreamDeclaration
    server: UpstreamServer
  },
): string[] {
  const { host, authority } = exchange
  const list = responseHeaders(raw, {
    settings,
    redirect: () => redirectFacts({ content, redirect }, { upstream, server, host, authority }),
    variable,
  })
  addSiteHeaders(exchange, { status: sentStatus(exchange.trail, status), settings, variable, list })
  return list
}
