import { fetchRenewalWindow } from '../client/renewal-info.ts'
import { AcmeDirectory } from '../client/requests/acme-directory.ts'
import { createTransport } from '../client/requests/acme-transport.ts'
import { isOutside, pickTime } from './renewal.ts'
import type { RenewalAdvice } from './renewal-record.ts'

/** Wait after a CA did not answer, in ms. */
const ASK_AGAIN_MS = 3600 * 1000
/** Wait after a CA offered no advice, in ms: it may begin to. */
const NO_ADVICE_MS = 24 * 3600 * 1000

/** CA and certificate of the advice. */
interface AdviceOptions {
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
 * The CA's current advice about renewing a certificate. The time picked in its window is kept as long as it lies in the
 * CA's current window; if the CA does not answer the advice stays as it was.
 * @returns with `error` if there was no answer.
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
