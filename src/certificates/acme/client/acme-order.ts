import { isIP } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AcmeAccount } from './acme-account.ts'
import { type ChainExpectation, type CheckedChain, checkChain, topIssuer } from './certificate-chain.ts'
import {
  type AcmeAnswer,
  type AcmeDirectory,
  invalid,
  requireObject,
  urlMember,
} from './requests/acme-directory.ts'
import { AcmeError, refusal } from './requests/acme-error.ts'
import { isObject, parseProblem } from './requests/problem.ts'

/**
 * Longest time for the decision on an order or authorization, in ms: CAs check from several places, with time-outs
 * each.
 */
const POLL_TIMEOUT_MS: number = 5 * 60 * 1000
/** Pause between two polls without a wait from the CA, in ms; it grows up to the largest. */
const FIRST_POLL_MS = 500
const MAX_POLL_MS = 30_000
/** Most other chains that are fetched. */
const MAX_ALTERNATES = 5
/** Most names of one certificate: the limit of Let's Encrypt. */
export const MAX_NAMES = 100

/** CA and account of an order. */
export interface OrderContext {
  readonly directory: AcmeDirectory
  readonly account: AcmeAccount
  readonly signal?: AbortSignal | undefined
}

/** Content of an order. */
interface OrderInput {
  /** DNS names, wildcards among them, or addresses. */
  readonly names: readonly string[]
  readonly profile: string | undefined
  /** {@link renewalInfoId} of the certificate that this one will replace (RFC 9773 section 5). */
  readonly replaces: string | undefined
}

/** An order in the CA's form. */
export interface AcmeOrder {
  readonly url: string
  readonly status: string
  readonly authorizations: readonly string[]
  readonly finalize: string
  /** URL of the certificate once there is one. */
  readonly certificate: string | undefined
  readonly answer: AcmeAnswer
}

/** Opens an order (RFC 8555 section 7.4). Errors: those of {@link AcmeDirectory.post}; an unknown profile. */
export async function openOrder(context: OrderContext, input: OrderInput): Promise<AcmeOrder> {
  const { directory } = context
  checkProfile(directory, input.profile)
  const identifiers = input.names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))
  const { profile, replaces } = input
  const payload = { identifiers, ...(profile && { profile }), ...(replaces && { replaces }) }
  const answer = await post(context, directory.resource.newOrder, payload)
  const url = answer.headers.location
  if (typeof url !== 'string' || !URL.canParse(url))
    throw invalid(directory.host, 'opened an order without naming its URL')
  return parseOrder(url, answer, directory.host)
}

/** The order at a URL, in its current state. */
export async function fetchOrder(context: OrderContext, url: string): Promise<AcmeOrder> {
  return parseOrder(url, await post(context, url), context.directory.host)
}

/** Waits until an order leaves `from`. Errors: `ACME_REFUSED` if it became invalid, `ACME_TIMEOUT`. */
export async function awaitOrder(
  context: OrderContext,
  order: AcmeOrder,
  from: readonly string[],
): Promise<AcmeOrder> {
  const { url } = order
  return await poll(context, {
    what: 'the order',
    first: order,
    fetch: () => fetchOrder(context, url),
    isPending: ({ status }) => from.includes(status),
  })
}

/** Sends the certificate request. Errors: those of {@link AcmeDirectory.post}, `badCSR` among them. */
export async function finalizeOrder(
  context: OrderContext,
  order: AcmeOrder,
  csr: Buffer,
): Promise<AcmeOrder> {
  const answer = await post(context, order.finalize, { csr: csr.toString('base64url') })
  return parseOrder(order.url, answer, context.directory.host)
}

/**
 * Fetches the chain of a finished order, or the one among its alternates whose top issuer is preferred
 * (RFC 8555 section 7.4.2). Errors: `ACME_CERTIFICATE_UNUSABLE`, those of {@link AcmeDirectory.post}.
 */
export async function fetchChain(
  context: OrderContext,
  order: AcmeOrder,
  expected: ChainExpectation & { readonly preferredChain: string | undefined },
): Promise<CheckedChain> {
  if (order.certificate === undefined)
    throw invalid(context.directory.host, 'finished an order without a certificate')
  const main = await post(context, order.certificate)
  const { preferredChain } = expected
  const pem = main.body.toString('latin1')
  if (preferredChain !== undefined && !isPreferred(pem, preferredChain)) {
    for (const url of alternates(main)) {
      const other = (await post(context, url)).body.toString('latin1')
      if (isPreferred(other, preferredChain)) return checkChain(other, expected)
    }
  }
  return checkChain(pem, expected)
}

/** Polls with growing pauses, or the pauses that the CA names. */
export async function poll<T extends { readonly status: string; readonly answer: AcmeAnswer }>(
  context: OrderContext,
  watch: { what: string; first: T; fetch: () => Promise<T>; isPending: (value: T) => boolean },
): Promise<T> {
  const deadline = performance.now() + POLL_TIMEOUT_MS
  let pauseMs = FIRST_POLL_MS
  for (let value = watch.first; ; value = await watch.fetch()) {
    if (!watch.isPending(value)) return value
    const waitMs = Math.min(Math.max(value.answer.retryAfterMs ?? pauseMs, FIRST_POLL_MS), MAX_POLL_MS)
    if (performance.now() + waitMs > deadline)
      throw new AcmeError(
        'ACME_TIMEOUT',
        `${context.directory.host} has not decided about ${watch.what} within ${POLL_TIMEOUT_MS / 60_000} minutes`,
        'The CA is slow or stuck. Berth goes on with this order at the next attempt.',
      )
    await sleep(waitMs, undefined, { signal: context.signal })
    pauseMs = Math.min(pauseMs * 2, MAX_POLL_MS)
  }
}

/** A request signed by the account. */
export async function post(context: OrderContext, url: string, payload?: unknown): Promise<AcmeAnswer> {
  const { url: accountUrl, key } = context.account
  return await context.directory.post(url, key, { accountUrl, payload })
}

function parseOrder(url: string, answer: AcmeAnswer, host: string): AcmeOrder {
  const json = requireObject(answer)
  const list = Array.isArray(json.authorizations) ? json.authorizations : []
  const authorizations = list.filter((each) => typeof each === 'string' && URL.canParse(each))
  if (typeof json.status !== 'string' || authorizations.length === 0 || authorizations.length > MAX_NAMES)
    throw invalid(host, 'sent an order without status or authorizations')
  if (json.status === 'invalid') {
    const problem = parseProblem(json.error)
    if (problem !== undefined) throw refusal(host, problem, answer.retryAfterMs)
    throw invalid(host, 'has given up the order without saying why')
  }
  const certificate = json.certificate === undefined ? undefined : urlMember(json, 'certificate', host)
  return {
    url,
    status: json.status,
    authorizations,
    finalize: urlMember(json, 'finalize', host),
    certificate,
    answer,
  }
}

function checkProfile(directory: AcmeDirectory, profile: string | undefined): void {
  const { profiles } = directory.resource
  if (profile === undefined || profiles?.includes(profile)) return
  const offer = profiles === undefined || profiles.length === 0 ? 'none' : profiles.join(', ')
  throw new AcmeError(
    'ACME_REFUSED',
    `${directory.host} has no profile ${profile}; it offers ${offer}`,
    'Set acme-profile to one of these, or leave it out.',
  )
}

const LINK_ALTERNATE = /<([^<>]{1,2000})>\s*;\s*rel="?alternate"?/g

function alternates(answer: AcmeAnswer): string[] {
  const header = answer.headers.link
  const text = Array.isArray(header) ? header.join(', ') : (header ?? '')
  const urls = [...text.matchAll(LINK_ALTERNATE)].map(([, url = '']) => URL.parse(url, answer.url)?.href)
  return urls.filter((url) => url !== undefined).slice(0, MAX_ALTERNATES)
}

/** As in other clients: compares the name, or the beginning of it. */
function isPreferred(pem: string, preferred: string): boolean {
  return topIssuer(pem).toLowerCase().startsWith(preferred.toLowerCase())
}

/** True for a member of a resource that is an object with a `type`. */
export function isChallenge(value: unknown): value is { type: string; url: string; token: string } {
  return (
    isObject(value) &&
    typeof value.type === 'string' &&
    typeof value.url === 'string' &&
    typeof value.token === 'string'
  )
}
