import { type Finding, failed, ok, reasonOf, skipped, warning } from './finding.ts'

/** Tokens and certificates are checked against the clock; tokens allow a minute. */
const MAX_OFFSET_S = 60
/** Longest wait for a server's idea of the time, in milliseconds. */
const TIMEOUT_MS = 5_000
/** No clock that is right shows less: this program is younger. */
const YOUNGEST = Date.UTC(2026, 0, 1)

/** Whether this machine's clock is right, by the Date header of a server: that of the CA, which has to be reached anyway. */
export async function checkClock(url: string): Promise<Finding> {
  if (Date.now() < YOUNGEST) {
    return failed(
      'clock',
      `The clock says ${new Date().toISOString()}, which is in the past`,
      'Turn on time synchronisation ("timedatectl set-ntp true")',
    )
  }
  try {
    const before = Date.now()
    const response = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(TIMEOUT_MS) })
    const after = Date.now()
    const told = Date.parse(response.headers.get('date') ?? '')
    if (Number.isNaN(told)) return skipped('clock', `${new URL(url).host} does not tell the time`)
    return judge((told - (before + after) / 2) / 1000)
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    return skipped(
      'clock',
      `The clock cannot be compared: ${new URL(url).host} does not answer (${reasonOf(cause)})`,
    )
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
