import type { Logger } from 'pino'
import type { Site } from '../../front-door/sites/site.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'
import type { TlsPairWatch } from './tls-pair-watch.ts'

/** Time between two checks of certificates, in milliseconds: an hour is short beside lives of months. */
const LOOK_EVERY_MS = 3_600_000
/** Time of the first check, in milliseconds: after the lines of the start itself. */
const FIRST_LOOK_MS = 1_000
/** Time between two lines about one certificate, in milliseconds: a day, less the possible difference of two checks. */
const LOG_AGAIN_MS = 24 * 3_600_000 - LOOK_EVERY_MS / 2

/**
 * Time for which a result is reused, in milliseconds: anyone may request `/readyz`, and there may be thousands of
 * hosts.
 */
const KNOWN_MS = 5_000

/** The certificate of a host. */
export interface ServedCertificate {
  readonly host: string
  /** File it was read from. */
  readonly file: string
  /** Unix time in ms. */
  readonly notAfter: number
}

/** A certificate that is served although it has expired. */
interface ExpiredCertificate {
  readonly file: string
  readonly notAfter: number
  readonly hosts: readonly string[]
}

/** Finds served certificates that have expired, which visitors' programs refuse. */
export class CertificateExpiry {
  /** The current certificates of the hosts. */
  served: () => readonly ServedCertificate[]
  readonly #loggedAt = new Map<string, number>()
  #known:
    | {
        readonly by: CertificateExpiry['served']
        readonly at: number
        readonly expired: ExpiredCertificate[]
      }
    | undefined

  /** `tls`: the pair of `--tls-cert`, which serves all names without a front door. */
  constructor(tls?: Pick<TlsPairWatch, 'expiry'>) {
    this.served = () => (tls ? [{ host: 'every name', ...tls.expiry }] : [])
  }

  /** Each file once, with its hosts, at most a few seconds old. */
  expired(now: number): readonly ExpiredCertificate[] {
    const known = this.#known
    if (known?.by === this.served && now >= known.at && now - known.at < KNOWN_MS) return known.expired
    const expired = this.#findExpired(now)
    this.#known = { by: this.served, at: now, expired }
    return expired
  }

  #findExpired(now: number): ExpiredCertificate[] {
    const byFile = Map.groupBy(
      this.served().filter(({ notAfter }) => notAfter <= now),
      ({ file }) => file,
    )
    return Array.from(byFile, ([file, [first, ...more]]) => ({
      file,
      notAfter: first?.notAfter ?? now,
      hosts: [first, ...more].flatMap((certificate) => certificate?.host ?? []),
    }))
  }

  /** Logs each of them that was not logged within a day. */
  log(logger: Pick<Logger, 'error'>, now: number): void {
    const expired = this.expired(now)
    const files = new Set(expired.map(({ file }) => file))
    for (const file of this.#loggedAt.keys()) if (!files.has(file)) this.#loggedAt.delete(file)
    for (const { file, notAfter, hosts } of expired) {
      if (now - (this.#loggedAt.get(file) ?? Number.NEGATIVE_INFINITY) < LOG_AGAIN_MS) continue
      this.#loggedAt.set(file, now)
      const day = new Date(notAfter).toISOString().slice(0, 10)
      logger.error(
        { file, hosts },
        `the certificate ${file} has expired on ${day}: put a new one in its place, or let Berth order one from a CA`,
      )
    }
  }
}

/** The certificate of each of the sites. */
export function servedBySites(
  sites: readonly Site[],
  certificates: { findExpiry(declaration: Site['declaration']): ServedCertificate | undefined },
): ServedCertificate[] {
  return sites.flatMap(({ declaration }) => certificates.findExpiry(declaration) ?? [])
}

/** Logs expired certificates, each once a day, until it is disposed of. */
export function logExpiredDaily(expiry: CertificateExpiry, logger: Logger): AsyncDisposable {
  const looks = runPeriodically(async () => expiry.log(logger, Date.now()), {
    firstMs: FIRST_LOOK_MS,
    everyMs: LOOK_EVERY_MS,
    onError: (err) => logger.error({ err }, 'the check for expired certificates failed'),
  })
  return { [Symbol.asyncDispose]: () => looks.stop() }
}
