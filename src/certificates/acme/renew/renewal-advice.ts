import { AcmeDirectory } from '../client/acme-directory.ts'
import { createTransport } from '../client/acme-transport.ts'
import { fetchRenewalWindow } from '../client/renewal-info.ts'
import { isOutside, pickTime } from './renewal.ts'
import type { RenewalAdvice } from './renewal-record.ts'

/** Wait before a CA that did not answer is asked again, in ms. */
const ASK_AGAIN_MS = 3600 * 1000
/** Wait before a CA that gives no advice is asked again, in ms: it may learn to. */
const NO_ADVICE_MS = 24 * 3600 * 1000

/** Whom to ask about which certificate. */
export interface AdviceOptions {
  /** {@link renewalInfoId} of the certificate. */
  readonly id: string
  readonly directory: string
  readonly directoryCaFile: string | undefined
  readonly userAgent: string
  readonly clock: () => number
  /** At least 0, below 1. */
  readonly random: () => number
  readonly signal: AbortSignal
}

/**
 * What the CA says now about renewing a certificate. The time picked in its window is kept as long as it lies in the
 * window the CA names; a CA that cannot be asked leaves the advice as it was.
 * @returns with `error` if it could not be asked.
 */
export async function refreshAdvice(
  known: RenewalAdvice | undefined,
  options: AdviceOptions,
): Promise<{ advice: RenewalAdvice; error: unknown }> {
  const { id, clock, random, signal } = options
  const before = known?.id === id ? known.window : undefined
  try {
    using transport = createTransport({ caFile: options.directoryCaFile, userAgent: options.userAgent })
    const directory = await AcmeDirectory.open(options.directory, { transport, clock, signal })
    const window = await fetchRenewalWindow(directory, id, clock())
    if (window === undefined) return { advice: { id, checkAt: clock() + NO_ADVICE_MS }, error: undefined }
    const { start, end, explanationUrl, checkAt } = window
    const isKept = before !== undefined && !isOutside(before.chosenAt, window)
    const chosenAt = isKept ? before.chosenAt : pickTime(window, random())
    return { advice: { id, checkAt, window: { start, end, chosenAt, explanationUrl } }, error: undefined }
  } catch (error) {
    return { advice: { id, checkAt: clock() + ASK_AGAIN_MS, window: before }, error }
  }
}
