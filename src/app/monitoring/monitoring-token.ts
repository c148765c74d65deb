import { createHash, timingSafeEqual } from 'node:crypto'
import type { Logger } from 'pino'
import { AddressBudget } from '../../accounts/guesses/address-budget.ts'
import type { MonitoringVerdict } from '../../http/monitoring/monitoring.ts'
import { AppError } from '../faults/app-error.ts'
import { readGivenFile } from '../faults/read-given-file.ts'
import { rememberBriefly } from '../remember-briefly.ts'

/** Largest file of a token that is read, in bytes: a longer one is another file. */
const MAX_FILE_BYTES = 4096
/** Shortest token, in characters: 32 of `openssl rand -hex 16` hold 128 bits, which no number of requests guesses. */
const MIN_TOKEN_LENGTH = 32
/** Characters of a token that every program can send in a header (RFC 6750, b64token). */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/
/** Time for which a read file is remembered, in milliseconds: a new token counts after that. */
const KNOWN_MS = 5_000

/** Dependencies of a token. */
interface TokenParts {
  readonly logger: Pick<Logger, 'error' | 'info'>
  /** Milliseconds of a clock that is never set. */
  readonly clock?: () => number
  /** For tests; by default {@link KNOWN_MS}. */
  readonly knownMs?: number
}

/**
 * Reads the token of a file. Errors: `AppError` `MONITORING_TOKEN_UNUSABLE`, which shows the path and nothing of the
 * content.
 */
export async function readMonitoringToken(path: string): Promise<string> {
  const refuse = (why: string, cause?: unknown): AppError =>
    new AppError(
      'MONITORING_TOKEN_UNUSABLE',
      `The file of monitoring-token-file, ${path}, cannot be used: ${why}`,
      'Make one with "openssl rand -hex 32", readable by the user whom Berth runs as, or leave the setting out',
      cause,
    )
  const token = (await readGivenFile(path, MAX_FILE_BYTES, refuse)).replace(/\r?\n$/, '')
  if (token.length < MIN_TOKEN_LENGTH)
    throw refuse(`the token is shorter than ${MIN_TOKEN_LENGTH} characters`)
  if (!TOKEN.test(token))
    throw refuse('it is not one line of letters, digits and . _ ~ + / - with = at the end')
  return token
}

/**
 * Judges the tokens that clients send. The file is read again, so that a new token needs no restart; while it cannot be
 * used, no token is right. Each process counts wrong tokens by itself.
 */
export class MonitoringToken {
  readonly #read: () => Promise<Buffer | undefined>
  readonly #budget: AddressBudget

  constructor(path: string, { logger, clock = () => performance.now(), knownMs = KNOWN_MS }: TokenParts) {
    this.#budget = new AddressBudget(clock)
    let isUsable = true
    this.#read = rememberBriefly(async () => {
      try {
        const token = hash(await readMonitoringToken(path))
        if (!isUsable) logger.info({ path }, 'the file of the monitoring token can be used again')
        isUsable = true
        return token
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        if (isUsable) logger.error({ path }, `${error.message}. No monitoring token counts meanwhile`)
        isUsable = false
        return undefined
      }
    }, knownMs)
  }

  /**
   * The right token is accepted always, also from an address that sent too many wrong ones: strangers may share the
   * address of Prometheus behind a proxy, and must not blind it. Its length alone prevents that it is guessed.
   */
  async judge(token: string | undefined, remoteAddress: string): Promise<MonitoringVerdict> {
    if (token === undefined) return { kind: 'refused', retryAfterS: undefined }
    const right = await this.#read()
    if (right && timingSafeEqual(right, hash(token))) return { kind: 'accepted' }
    const waitMs = this.#budget.waitMs(remoteAddress)
    if (waitMs > 0) return { kind: 'refused', retryAfterS: Math.ceil(waitMs / 1_000) }
    this.#budget.charge(remoteAddress)
    return { kind: 'refused', retryAfterS: undefined }
  }
}

/** Of one length for every token, as the comparison needs. */
function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
