import type { RenewalWindow } from '../client/renewal-info.ts'
import { MAX_RETRY_AFTER_MS } from '../client/requests/retry-after.ts'

/** A period of validity; Unix times in ms. */
interface Validity {
  readonly notBefore: number
  readonly notAfter: number
}

/** Urgency of a renewal: `soon` waits for its turn and for the retry ladder, the others cut waits short. */
type Urgency = 'soon' | 'urgent' | 'last-call' | 'expired'

/** Part of the lifetime that is left when a certificate is renewed without advice of its CA. */
const REMAINING_RATIO = 1 / 3
/** Parts of the lifetime left from which on waits between attempts are cut short, whatever the CA advises. */
const URGENT_RATIO = 1 / 20
const LAST_CALL_RATIO = 1 / 50
/**
 * Longest wait between two attempts within them, in ms: four an hour, as Let's Encrypt grants five failed proofs of a
 * name an hour.
 */
const URGENT_WAIT_MS = 3600 * 1000
const LAST_CALL_WAIT_MS = 15 * 60 * 1000

/**
 * Time at which a certificate is to be renewed: the time its CA advises (ARI), else when a third of its lifetime is
 * left; never later than its urgent window. The rules are parts of lifetimes, not days: they work for six days and for
 * seven hours.
 * @param chosenAt The time picked in the CA's window; see {@link pickTime}.
 */
export function renewalTime(validity: Validity, chosenAt: number | undefined): number {
  const lifetimeMs = validity.notAfter - validity.notBefore
  const urgentAt = validity.notAfter - lifetimeMs * URGENT_RATIO
  return Math.min(chosenAt ?? validity.notAfter - lifetimeMs * REMAINING_RATIO, urgentAt)
}

/** Urgency of the renewal of a certificate at a time. A clock that was set back never raises it. */
export function urgencyAt(validity: Validity, now: number): Urgency {
  const lifetimeMs = validity.notAfter - validity.notBefore
  const leftMs = validity.notAfter - now
  if (leftMs <= 0) return 'expired'
  if (leftMs <= lifetimeMs * LAST_CALL_RATIO) return 'last-call'
  return leftMs <= lifetimeMs * URGENT_RATIO ? 'urgent' : 'soon'
}

/** Inputs of the time of the next attempt. Unix times in ms. */
export interface AttemptState {
  readonly now: number
  /** The certificate in use; undefined: none that is valid. */
  readonly certificate: (Validity & { readonly origin: 'acme' | 'operator' }) | undefined
  /** True if the certificate in use is to be replaced at once: it is one of a staging directory. */
  readonly mustReplace: boolean
  /** Time picked in the CA's window. */
  readonly chosenAt: number | undefined
  readonly lastAttemptAt: number | undefined
  /** Time set by the retry ladder after a failure. */
  readonly nextAttemptAt: number | undefined
  /** The CA's `Retry-After`. */
  readonly notBeforeByCa: number | undefined
}

/**
 * Time at which the next attempt is due; a time that has passed means now. A pair from the operator is left alone until
 * its urgent window. Overlong waits, left behind by a wrong clock, are cut.
 */
export function attemptTime(state: AttemptState): number {
  const { now, certificate } = state
  const dueAt =
    certificate === undefined || state.mustReplace ? now : plannedTime(certificate, state.chosenAt)
  if (state.nextAttemptAt === undefined) return dueAt
  const urgency = certificate === undefined ? 'expired' : urgencyAt(certificate, now)
  const ladder = Math.min(
    bounded(state.nextAttemptAt, now),
    (state.lastAttemptAt ?? now) + longestWait(urgency),
  )
  return Math.max(dueAt, ladder, bounded(state.notBeforeByCa ?? 0, now))
}

function plannedTime(
  certificate: Validity & { origin: 'acme' | 'operator' },
  chosenAt: number | undefined,
): number {
  return renewalTime(certificate, certificate.origin === 'acme' ? chosenAt : Number.POSITIVE_INFINITY)
}

function bounded(at: number, now: number): number {
  return at - now > MAX_RETRY_AFTER_MS ? now : at
}

/** The longest wait before the next attempt for an urgency, in ms. */
function longestWait(urgency: Urgency): number {
  if (urgency === 'urgent') return URGENT_WAIT_MS
  return urgency === 'last-call' ? LAST_CALL_WAIT_MS : Number.POSITIVE_INFINITY
}

/**
 * A time in the CA's window, each as likely as any other (RFC 9773 section 4.2).
 * @param random At least 0, below 1.
 */
export function pickTime(window: RenewalWindow, random: number): number {
  return Math.floor(window.start + (window.end - window.start) * random)
}

/** True if the picked time no longer lies in the window: the CA has moved it, and a new time is to be picked. */
export function isOutside(chosenAt: number, window: RenewalWindow): boolean {
  return chosenAt < window.start || chosenAt > window.end
}
