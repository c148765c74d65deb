import { createRequire } from 'node:module'
import type { output, z as Zod } from 'zod'
import { AcmeError, type AcmeErrorCode } from '../client/requests/acme-error.ts'
import type { AcmeStore } from './acme-store.ts'
import { retryWait } from './retry-ladder.ts'

/** As CommonJS, in which the settings have loaded it already. */
const z: typeof Zod = createRequire(import.meta.url)('zod').z

/** Issued certificates remembered: more than any published limit within a week. */
const MAX_ISSUED = 20
const WEEK_MS = 7 * 24 * 3600 * 1000
/** Certificates for the same names that Let's Encrypt issues in a week. */
export const WEEKLY_LIMIT = 5
const LIMITED_HOST = 'acme-v02.api.letsencrypt.org'
/** Failures after which their order is of no use. */
const ENDS_ORDER: readonly AcmeErrorCode[] = [
  'ACME_CHALLENGE_FAILED',
  'ACME_CHALLENGE_UNAVAILABLE',
  'ACME_CERTIFICATE_UNUSABLE',
  'ACME_RESPONSE_INVALID',
  'ACME_REFUSED',
]

/**
 * Longest wait after a success, in ms: if the new certificate is lost at once, orders must not follow one another
 * without a pause.
 */
const MAX_REST_MS = 3600 * 1000

const time = z.number()
const text = z.string()
const problem = z.object({
  type: text,
  detail: text,
  status: z.number().optional(),
  subproblems: z.array(z.object({ type: text, detail: text, name: text.optional() })).readonly(),
})
const window = z.object({ start: time, end: time, chosenAt: time, explanationUrl: text.optional() })
const pendingOrder = z.object({ url: text, directory: text, keyPem: text })

const recordSchema = z.object({
  names: z.array(text).readonly(),
  failures: z.object({ count: z.number(), since: time }).optional(),
  nextAttemptAt: time.optional(),
  lastAttemptAt: time.optional(),
  /** The CA's `Retry-After`. */
  notBeforeByCa: time.optional(),
  lastError: z
    .object({ code: text, message: text, remedy: text, at: time, problem: problem.optional() })
    .optional(),
  skipReplaces: z.boolean().optional(),
  /** The CA's advice about renewing the certificate of this id; without a window it has none. */
  advice: z.object({ id: text, checkAt: time, window: window.optional() }).optional(),
  /** The certificate last installed. */
  installed: z
    .object({ notAfter: time, directory: text, isTest: z.boolean(), isOtherCa: z.boolean().optional() })
    .optional(),
  issuedAt: z.array(time).readonly(),
  pendingOrder: pendingOrder.optional(),
})

/** State of the renewal of a certificate. Unix times in ms. A restart continues from it. */
export type RenewalRecord = Readonly<output<typeof recordSchema>>
/** A CA's advice about renewing a certificate. */
export type RenewalAdvice = NonNullable<RenewalRecord['advice']>
/** An unfinished order: with it a restart, or a failure to write, costs no second one. */
export type PendingOrder = NonNullable<RenewalRecord['pendingOrder']>

/** The record of a set of names; an empty one if there is none or it cannot be read, then with the reason. */
export async function readRecord(
  store: AcmeStore,
  id: string,
  names: readonly string[],
): Promise<{ record: RenewalRecord; problem: unknown }> {
  const empty: RenewalRecord = { names, issuedAt: [] }
  try {
    const value = await store.read('certificates', id)
    return { record: value === undefined ? empty : recordSchema.parse(value), problem: undefined }
  } catch (problem) {
    return { record: empty, problem }
  }
}

/** The record after a certificate was installed: everything about failures is dropped. */
export function recordSuccess(
  record: RenewalRecord,
  installed: NonNullable<RenewalRecord['installed']>,
  now: number,
): RenewalRecord {
  const { names, lastAttemptAt } = record
  const issuedAt = [...record.issuedAt, now].slice(-MAX_ISSUED)
  const restMs = Math.min(MAX_REST_MS, (installed.notAfter - now) / 10)
  return { names, lastAttemptAt, installed, issuedAt, nextAttemptAt: now + restMs }
}

/** The record after a failed attempt, with the time of the next one. @param random At least 0, below 1. */
export function recordFailure(
  record: RenewalRecord,
  error: unknown,
  { now, random }: { now: number; random: number },
): RenewalRecord {
  const known = error instanceof AcmeError ? error : undefined
  const message = error instanceof Error ? error.message : String(error)
  const remedy = known?.remedy ?? 'The message has the reason; Berth tries again by itself.'
  const failures = { count: (record.failures?.count ?? 0) + 1, since: record.failures?.since ?? now }
  const notBeforeByCa = known?.retryAfterMs === undefined ? undefined : now + known.retryAfterMs
  return {
    ...record,
    failures,
    notBeforeByCa,
    nextAttemptAt: Math.max(now + retryWait(failures, now, random), notBeforeByCa ?? 0),
    lastError: { code: known?.code ?? 'UNKNOWN', message, remedy, at: now, problem: known?.problem },
    // An order that fails because of `replaces` must have a way out: every other attempt goes without.
    skipReplaces: record.skipReplaces !== true,
    pendingOrder: known !== undefined && isJudged(known) ? undefined : record.pendingOrder,
  }
}

/** Times of issue within the last seven days. */
export function issuedThisWeek(record: RenewalRecord, now: number): number[] {
  return record.issuedAt.filter((at) => at > now - WEEK_MS && at <= now)
}

/**
 * Refuses an order beyond Let's Encrypt's limit for the same names: lost storage must not use it up. Errors:
 * `ACME_REFUSED` with the wait.
 */
export function checkBudget(record: RenewalRecord, directory: string, now: number): void {
  const recent = issuedThisWeek(record, now).slice(-WEEKLY_LIMIT)
  const [oldest] = recent
  if (URL.parse(directory)?.hostname !== LIMITED_HOST || recent.length < WEEKLY_LIMIT || oldest === undefined)
    return
  throw new AcmeError(
    'ACME_REFUSED',
    `Let's Encrypt gives ${WEEKLY_LIMIT} certificates a week for the same names, and these have had them`,
    'Find out where the certificates went: is the data folder kept over restarts?',
    { retryAfterMs: oldest + WEEK_MS - now },
  )
}

/** True if a CA has judged our names or our order; false if it did not answer, was busy, or we failed before. */
export function isJudged(error: AcmeError): boolean {
  const status = error.problem?.status
  const isBusy = status !== undefined && (status === 429 || status >= 500)
  return ENDS_ORDER.includes(error.code) && !isBusy
}
