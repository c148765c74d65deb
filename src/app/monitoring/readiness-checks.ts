import { existsSync } from 'node:fs'
import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import type { CheckName, CheckResult } from '../../http/monitoring/monitoring.ts'
import { OciError } from '../../oci/errors.ts'
import type { RoomMeter } from '../../registry/push/upload-room.ts'
import type { CertificateExpiry } from '../certificates/certificate-expiry.ts'

/** Longest time of one check, in milliseconds: below that of the programs that watch a server, so that they get the answer. */
const CHECK_TIMEOUT_MS = 2_000

/** Dependencies of the checks. */
interface CheckParts {
  readonly config: Pick<Config, 'healthFile'>
  readonly isStopping: () => boolean
  readonly database: { check(): Promise<void> }
  readonly storage: { check(): Promise<void> }
  readonly rooms: readonly RoomMeter[]
  readonly expiry: Pick<CertificateExpiry, 'expired'>
  readonly logger: Pick<Logger, 'error'>
  /** For tests; by default {@link CHECK_TIMEOUT_MS}. */
  readonly timeoutMs?: number
}

/** Verdict of one check. */
type Verdict = Pick<CheckResult, 'state' | 'message'>

const OK: Verdict = { state: 'ok' }

/** Creates the function that makes all checks at once; each takes a bounded time. */
export function createReadinessChecks(parts: CheckParts): () => Promise<CheckResult[]> {
  const checks: Record<CheckName, () => Promise<Verdict>> = {
    drain: async () => (parts.isStopping() ? { state: 'failed', message: 'The registry is stopping' } : OK),
    'health-file': async () => checkHealthFile(parts.config),
    database: () => passes(parts.database),
    storage: () => passes(parts.storage),
    'disk-floor': () => checkRooms(parts.rooms),
    certificates: async () => checkCertificates(parts.expiry),
  }
  return () =>
    Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        const startedAt = performance.now()
        const verdict = await runInTime(check, parts)
        return {
          name: name as CheckName,
          ms: Math.round((performance.now() - startedAt) * 10) / 10,
          ...verdict,
        }
      }),
    )
}

async function runInTime(
  check: () => Promise<Verdict>,
  { logger, timeoutMs = CHECK_TIMEOUT_MS }: Pick<CheckParts, 'logger' | 'timeoutMs'>,
): Promise<Verdict> {
  const late = Promise.withResolvers<Verdict>()
  const message = `It gave no result within ${timeoutMs} ms`
  const timer = setTimeout(() => late.resolve({ state: 'failed', message }), timeoutMs)
  try {
    return await Promise.race([check(), late.promise])
  } catch (error) {
    if (error instanceof OciError) return { state: 'failed', message: error.message }
    logger.error({ err: error }, 'a check of /readyz failed')
    return { state: 'failed', message: 'It failed: the log has the reason' }
  } finally {
    clearTimeout(timer)
  }
}

async function passes(checked: { check(): Promise<void> }): Promise<Verdict> {
  await checked.check()
  return OK
}

function checkHealthFile({ healthFile }: Pick<Config, 'healthFile'>): Verdict {
  if (healthFile === undefined || !existsSync(healthFile)) return OK
  return { state: 'failed', message: 'The file of health-file exists' }
}

/** A full disk refuses pushes; pulls go on. */
async function checkRooms(rooms: readonly RoomMeter[]): Promise<Verdict> {
  const measured = await Promise.all(
    rooms.map(async ({ measure, floorOf }) => {
      const room = await measure()
      return room && room.freeBytes < floorOf(room.totalBytes)
    }),
  )
  return measured.includes(true)
    ? { state: 'warning', message: 'Less than disk-floor is free: pushes are refused' }
    : OK
}

function checkCertificates(expiry: CheckParts['expiry']): Verdict {
  const { length } = expiry.expired(Date.now())
  return length === 0 ? OK : { state: 'warning', message: `Served certificates that have expired: ${length}` }
}
