import { setTimeout as sleep } from 'node:timers/promises'
import { AcmeError, isProblem, refusal } from './acme-error.ts'
import type { AcmeReply, AcmeTransport } from './acme-transport.ts'
import { type AccountKey, signJws } from './jws.ts'
import { isObject, parseProblem } from './problem.ts'
import { parseRetryAfter } from './retry-after.ts'

/** Resources of a CA and their URLs (RFC 8555 section 7.1.1). */
interface DirectoryResource {
  readonly newNonce: string
  readonly newAccount: string
  readonly newOrder: string
  /** RFC 9773; undefined: the CA gives no renewal advice. */
  readonly renewalInfo: string | undefined
  readonly termsOfService: string | undefined
  readonly externalAccountRequired: boolean
  /** Names of the available profiles; undefined: the CA has none. */
  readonly profiles: readonly string[] | undefined
  /** Names of this CA in CAA records. */
  readonly caaIdentities: readonly string[]
}

/** A reply whose body was JSON; undefined if it was empty or something else. */
export interface AcmeAnswer extends AcmeReply {
  readonly json: unknown
  readonly retryAfterMs: number | undefined
}

/** Most repetitions of a request because the CA refused its nonce. */
export const MAX_NONCE_RETRIES = 8
/** Nonces kept for the next requests. */
const MAX_NONCES = 8
/** Longest `Retry-After` that is waited for in place, in ms; a longer one ends the attempt. */
const MAX_WAIT_IN_PLACE_MS = 5000
/** Most repetitions in place of a request to a busy CA. */
const MAX_BUSY_RETRIES = 2

/** Options of {@link AcmeDirectory.open}. */
interface DirectoryOptions {
  readonly transport: AcmeTransport
  /** Unix time in ms. */
  readonly clock: () => number
  readonly signal?: AbortSignal | undefined
}

/**
 * A CA: its directory, and signed requests with nonces of its own (RFC 8555 section 6).
 * One per attempt; safe for several requests at once.
 */
export class AcmeDirectory {
  readonly url: string
  readonly resource: DirectoryResource
  readonly #options: DirectoryOptions
  readonly #nonces: string[] = []

  private constructor(url: string, resource: DirectoryResource, options: DirectoryOptions) {
    this.url = url
    this.resource = resource
    this.#options = options
  }

  /** Host of the CA, for messages. */
  get host(): string {
    return hostOf(this.url)
  }

  /** Fetches the directory. Errors: `ACME_UNREACHABLE`, `ACME_RESPONSE_INVALID`, `ACME_REFUSED`. */
  static async open(url: string, options: DirectoryOptions): Promise<AcmeDirectory> {
    const reply = await options.transport.exchange({ method: 'GET', url }, options.signal)
    const { json } = readAnswer(reply, options.clock())
    return new AcmeDirectory(url, parseDirectory(json, hostOf(url)), options)
  }

  /** A request without signature; only for public resources. Errors: as of {@link AcmeDirectory.post}. */
  async get(url: string): Promise<AcmeAnswer> {
    const reply = await this.#options.transport.exchange({ method: 'GET', url }, this.#options.signal)
    return readAnswer(reply, this.#options.clock())
  }

  /**
   * A signed request; without `payload` it is a POST-as-GET. A refused nonce is replaced, at most {@link
   * MAX_NONCE_RETRIES} times; a CA that is busy for seconds is waited for. Errors: `ACME_REFUSED` with the CA's problem
   * document, `ACME_UNREACHABLE`, `ACME_RESPONSE_INVALID`.
   */
  async post(
    url: string,
    key: AccountKey,
    input: { accountUrl?: string; payload?: unknown } = {},
  ): Promise<AcmeAnswer> {
    for (let nonceRetries = 0, busyRetries = 0; ; ) {
      try {
        return await this.#postOnce(url, key, input)
      } catch (error) {
        if (isProblem(error, 'badNonce') && nonceRetries++ < MAX_NONCE_RETRIES) continue
        const waitMs = briefWait(error)
        if (waitMs === undefined || busyRetries++ >= MAX_BUSY_RETRIES) throw error
        await sleep(waitMs, undefined, { signal: this.#options.signal })
      }
    }
  }

  async #postOnce(
    url: string,
    key: AccountKey,
    input: { accountUrl?: string; payload?: unknown },
  ): Promise<AcmeAnswer> {
    const nonce = await this.#takeNonce()
    const { accountUrl, payload } = input
    const body = JSON.stringify(signJws(key, { url, nonce, accountUrl, payload }))
    const headers = { 'content-type': 'application/jose+json' }
    const reply = await this.#options.transport.exchange(
      { method: 'POST', url, headers, body },
      this.#options.signal,
    )
    this.#keepNonce(reply)
    return readAnswer(reply, this.#options.clock())
  }

  async #takeNonce(): Promise<string> {
    const kept = this.#nonces.pop()
    if (kept !== undefined) return kept
    const url = this.resource.newNonce
    const reply = await this.#options.transport.exchange({ method: 'HEAD', url }, this.#options.signal)
    if (reply.status >= 400) readAnswer(reply, this.#options.clock())
    this.#keepNonce(reply)
    const nonce = this.#nonces.pop()
    if (nonce !== undefined) return nonce
    throw invalid(this.host, 'gave no nonce')
  }

  #keepNonce(reply: AcmeReply): void {
    const nonce = reply.headers['replay-nonce']
    if (typeof nonce !== 'string' || !NONCE.test(nonce)) return
    if (this.#nonces.length >= MAX_NONCES) this.#nonces.shift()
    this.#nonces.push(nonce)
  }
}

const NONCE = /^[A-Za-z0-9_-]{1,512}$/

/** The error for a reply that a CA must not send. */
export function invalid(host: string, what: string): AcmeError {
  return new AcmeError(
    'ACME_RESPONSE_INVALID',
    `${host} ${what}`,
    'Check that acme-directory is the directory URL of an ACME CA. Berth tries again by itself.',
  )
}

/** The URL at a member of a resource. Errors: `ACME_RESPONSE_INVALID`. */
export function urlMember(resource: Record<string, unknown>, member: string, host: string): string {
  const value = resource[member]
  if (typeof value === 'string' && URL.canParse(value)) return value
  throw invalid(host, `sent a reply without the URL "${member}"`)
}

/** The body of an answer, which must be an object. Errors: `ACME_RESPONSE_INVALID`. */
export function requireObject(answer: AcmeAnswer): Record<string, unknown> {
  if (isObject(answer.json)) return answer.json
  throw invalid(hostOf(answer.url), 'sent a reply that is no JSON object')
}

function readAnswer(reply: AcmeReply, now: number): AcmeAnswer {
  const host = hostOf(reply.url)
  const retryAfterMs = parseRetryAfter(reply.headers['retry-after'], now)
  if (reply.status >= 200 && reply.status < 300)
    return { ...reply, json: parseJson(reply, host), retryAfterMs }
  if (reply.status < 400) throw invalid(host, `answered ${reply.status}, which no ACME server does here`)
  const problem = parseProblem(tryJson(reply.body), reply.status)
  throw refusal(host, problem ?? describeStatus(reply.status), retryAfterMs)
}

function describeStatus(status: number): { type: string; detail: string; status: number; subproblems: [] } {
  const detail = `status ${status} without an explanation`
  // Without a problem document only the status shows that a limit was reached.
  return { type: status === 429 ? 'rateLimited' : 'about:blank', detail, status, subproblems: [] }
}

function parseJson(reply: AcmeReply, host: string): unknown {
  const type = reply.headers['content-type'] ?? ''
  if (reply.body.length === 0 || type.includes('pem')) return undefined
  const json = tryJson(reply.body)
  if (json === undefined) throw invalid(host, 'sent JSON that cannot be read')
  return json
}

function tryJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function parseDirectory(json: unknown, host: string): DirectoryResource {
  if (!isObject(json)) throw invalid(host, 'sent a directory that is no JSON object')
  const meta = isObject(json.meta) ? json.meta : {}
  const identities = Array.isArray(meta.caaIdentities) ? meta.caaIdentities : []
  return {
    newNonce: urlMember(json, 'newNonce', host),
    newAccount: urlMember(json, 'newAccount', host),
    newOrder: urlMember(json, 'newOrder', host),
    renewalInfo: json.renewalInfo === undefined ? undefined : urlMember(json, 'renewalInfo', host),
    termsOfService: typeof meta.termsOfService === 'string' ? meta.termsOfService : undefined,
    externalAccountRequired: meta.externalAccountRequired === true,
    profiles: isObject(meta.profiles) ? Object.keys(meta.profiles).slice(0, MAX_PROFILES) : undefined,
    caaIdentities: identities.filter((each) => typeof each === 'string').slice(0, MAX_PROFILES),
  }
}

/** Most profiles and CAA names read of a directory. */
const MAX_PROFILES = 50

/** The wait of a busy CA's answer, if it is one of seconds. */
function briefWait(error: unknown): number | undefined {
  if (!(error instanceof AcmeError) || error.retryAfterMs === undefined) return undefined
  const status = error.problem?.status
  if (status !== 503 && status !== 429) return undefined
  return error.retryAfterMs <= MAX_WAIT_IN_PLACE_MS ? error.retryAfterMs : undefined
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? url.slice(0, 100)
}
