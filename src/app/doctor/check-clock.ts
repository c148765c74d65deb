import { AcmeError } from '../../certificates/acme/client/requests/acme-error.ts'
import { createTransport } from '../../certificates/acme/client/requests/acme-transport.ts'
import { type Finding, failed, ok, skipped, warning } from './finding.ts'

/** Tokens and certificates are checked against the clock; tokens allow a minute. */
const MAX_OFFSET_S = 60
/** Longest wait for a server's time, in milliseconds. */
const TIMEOUT_MS = 5_000
/** A correct clock is later: this program is younger. */
const YOUNGEST = Date.UTC(2026, 0, 1)

/** The server that gives the time. */
interface TimeServer {
  readonly url: string
  /** Roots to trust it by beside the usual ones, PEM. */
  readonly caFile: string | undefined
  /** True if it issues certificates, so that it has to be reachable. */
  readonly isNeeded: boolean
}

/**
 * Compares this machine's clock with the Date header of a server: that of the CA, which has to be reachable anyway,
 * with the settings of certificate orders.
 */
export async function checkClock({ url, caFile, isNeeded }: TimeServer): Promise<Finding[]> {
  if (Date.now() < YOUNGEST) {
    const message = `The clock says ${new Date().toISOString()}, which is in the past`
    return [failed('clock', message, 'Turn on time synchronisation ("timedatectl set-ntp true")')]
  }
  const { host } = new URL(url)
  try {
    using transport = createTransport({ caFile, timeoutMs: TIMEOUT_MS, userAgent: 'Berth doctor' })
    const before = Date.now()
    const { headers } = await transport.exchange({ method: 'GET', url })
    const after = Date.now()
    const serverTime = Date.parse(headers.date ?? '')
    if (Number.isNaN(serverTime)) return [skipped('clock', `${host} sends no time`)]
    return [judge((serverTime - (before + after) / 2) / 1000)]
  } catch (error) {
    if (!(error instanceof AcmeError)) throw error
    const unknown = skipped('clock', `The clock cannot be compared: ${host} does not answer`)
    if (!isNeeded) return [unknown]
    return [unknown, warning('acme', `No certificates can be ordered: ${error.message}`, error.remedy)]
  }
}

function judge(offsetS: number): Finding {
  // The header counts whole seconds.
  const seconds = Math.round(Math.abs(offsetS))
  if (seconds <= 2) return ok('clock', 'The clock is right')
  const direction = offsetS > 0 ? 'slow' : 'fast'
  const message = `The clock is ${seconds} s ${direction}`
  const remedy = 'Turn on time synchronisation ("timedatectl set-ntp true")'
  return seconds > MAX_OFFSET_S ? failed('clock', message, remedy) : warning('clock', message, remedy)
}
