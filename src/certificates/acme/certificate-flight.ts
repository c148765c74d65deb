import type { Logger } from 'pino'
import { orderSolvers } from './challenges/board-solvers.ts'
import type { ChallengeBoard } from './challenges/challenge-board.ts'
import type { ChallengeSolver } from './client/challenge-solver.ts'
import { AcmeDirectory } from './client/requests/acme-directory.ts'
import { AcmeError } from './client/requests/acme-error.ts'
import { type AcmeTransport, createTransport } from './client/requests/acme-transport.ts'
import type { DnsEndpoint } from './dns/dns-exchange.ts'
import { type IssuedCertificate, issueCertificate } from './issue/issue-certificate.ts'
import type { OrderThrottle } from './issue/order-throttle.ts'
import type { PreflightFinding } from './plan/acme-plan.ts'
import type { AcmePlan } from './plan/acme-wish.ts'
import { preflight } from './plan/preflight.ts'
import type { AcmeStore } from './renew/acme-store.ts'
import {
  type CertificateKeeper,
  type ManagedCertificate,
  pickCertificate,
} from './renew/certificate-keeper.ts'
import { attemptTime } from './renew/renewal.ts'
import { refreshAdvice } from './renew/renewal-advice.ts'
import {
  checkBudget,
  isJudged,
  type RenewalRecord,
  recordFailure,
  recordSuccess,
} from './renew/renewal-record.ts'

/** Dependencies shared by all flights. */
export interface FlightContext {
  readonly store: AcmeStore
  readonly keeper: CertificateKeeper
  readonly throttle: OrderThrottle
  readonly board: ChallengeBoard
  readonly solvers: readonly ChallengeSolver[]
  readonly logger: Logger
  readonly directoryCaFile: string | undefined
  readonly userAgent: string
  /** Unix time in ms. */
  readonly clock: () => number
  /** At least 0, below 1. */
  readonly random: () => number
  readonly signal: AbortSignal
  /** Servers for look-ups of names; undefined: the system's resolvers. */
  readonly dnsServers?: readonly DnsEndpoint[] | undefined
  /** Port of the plain listener as seen from the internet; undefined: 80. */
  readonly httpPort?: number | undefined
}

/**
 * Every attempt with such a number goes ahead despite failed network checks: the CA may see another DNS than this
 * machine.
 */
const UNCHECKED_EVERY = 4

/** One certificate to get or renew: its known state, and its attempts. */
export class CertificateFlight {
  readonly plan: AcmePlan
  readonly #planFindings: readonly PreflightFinding[]
  readonly #context: FlightContext
  #record: RenewalRecord
  #networkFindings: readonly PreflightFinding[] = []
  #isOrdering = false

  constructor(
    planned: { readonly plan: AcmePlan; readonly findings: readonly PreflightFinding[] },
    record: RenewalRecord,
    context: FlightContext,
  ) {
    this.plan = planned.plan
    this.#planFindings = planned.findings
    this.#record = record
    this.#context = context
  }

  get record(): RenewalRecord {
    return this.#record
  }

  get isOrdering(): boolean {
    return this.#isOrdering
  }

  /** Actual and possible obstacles, by the plan and the last network checks. */
  get findings(): readonly PreflightFinding[] {
    return [...this.#planFindings, ...this.#networkFindings]
  }

  /** True if no CA would sign these names: no order is made. */
  get isRefused(): boolean {
    return this.#planFindings.some(({ severity }) => severity === 'error')
  }

  /** The best certificate in use that has all names; undefined: none that is valid. */
  pick(certificates: readonly ManagedCertificate[]): ManagedCertificate | undefined {
    return pickCertificate(certificates, this.plan.names, this.#context.clock())
  }

  /** Time at which the next attempt is due. Unix time in ms. */
  attemptAt(certificate: ManagedCertificate | undefined): number {
    const { advice, installed, ...record } = this.#record
    return attemptTime({
      now: this.#context.clock(),
      certificate,
      mustReplace: this.#isOurs(certificate) && this.#isOfWrongCa(installed),
      chosenAt: advice?.id === certificate?.ariId ? advice?.window?.chosenAt : undefined,
      lastAttemptAt: record.lastAttemptAt,
      nextAttemptAt: record.nextAttemptAt,
      notBeforeByCa: record.notBeforeByCa,
    })
  }

  /** Time to fetch the CA's renewal advice; undefined: never. Unix time in ms. */
  adviceAt(certificate: ManagedCertificate | undefined): number | undefined {
    if (certificate?.origin !== 'acme' || certificate.ariId === undefined) return undefined
    const { advice } = this.#record
    return advice?.id === certificate.ariId ? advice.checkAt : this.#context.clock()
  }

  /**
   * Fetches the CA's advice about the time of renewal (RFC 9773). Errors: none; a CA without an answer is tried again
   * later.
   */
  async refreshAdvice(id: string): Promise<void> {
    const { logger, signal } = this.#context
    const directory = this.#record.installed?.directory ?? this.plan.directory
    const before = this.#record.advice
    const { advice, error } = await refreshAdvice(before, { ...this.#context, id, directory })
    if (signal.aborted) return
    const { names } = this.plan
    if (error !== undefined)
      logger.info({ names, err: error }, 'the renewal advice of the CA could not be fetched')
    const hasMoved = before?.id === id && before.window && before.window.chosenAt !== advice.window?.chosenAt
    if (hasMoved)
      logger.info(
        { names, chosenAt: iso(advice.window?.chosenAt), why: advice.window?.explanationUrl },
        'the CA has moved the time of renewal',
      )
    await this.#save({ ...this.#record, advice }).catch((cause) => this.#warnUnsaved(cause))
  }

  /** Tries to get and install a certificate; the result is in the record and in the log. Errors: none. */
  async attempt(certificate: ManagedCertificate | undefined): Promise<void> {
    const { clock, random, logger, signal } = this.#context
    this.#isOrdering = true
    try {
      await this.#order(certificate)
      const validUntil = iso(this.#record.installed?.notAfter)
      logger.info({ names: this.plan.names, validUntil }, 'certificate issued')
    } catch (error) {
      // Stopping is no failure; the order is found again at the next start.
      if (signal.aborted) return
      const failed = recordFailure(this.#record, error, { now: clock(), random: random() })
      const { lastError, failures, nextAttemptAt } = failed
      const details = { names: this.plan.names, attempt: failures?.count, nextAttempt: iso(nextAttemptAt) }
      const text = `no certificate for ${this.plan.names.join(', ')}: ${lastError?.message}. ${lastError?.remedy}`
      logger.warn({ code: lastError?.code, ...details, problem: lastError?.problem }, text)
      await this.#save(failed).catch((cause) => this.#warnUnsaved(cause))
    } finally {
      this.#isOrdering = false
    }
  }

  async #order(certificate: ManagedCertificate | undefined): Promise<void> {
    const { store, keeper, clock, directoryCaFile, userAgent } = this.#context
    const { plan } = this
    await store.prove()
    checkBudget(this.#record, plan.directory, clock())
    await this.#save({ ...this.#record, lastAttemptAt: clock() })
    using transport = createTransport({ caFile: directoryCaFile, userAgent })
    await this.#checkNetwork(transport)
    await this.#rehearse(transport)
    const issued = await this.#issue(plan.directory, transport, this.#replaces(certificate))
    await keeper.install(plan.pairName, { chainPem: issued.chain.pem, keyPem: issued.keyPem })
    const { notAfter } = issued.chain
    const { directory, isTest, isOtherCa } = plan
    const installed = { notAfter, directory, isTest, isOtherCa }
    await this.#save(recordSuccess(this.#record, installed, clock()))
  }

  async #issue(
    directory: string,
    transport: AcmeTransport,
    replaces: string | undefined,
  ): Promise<IssuedCertificate> {
    const { plan } = this
    const { store, throttle, clock, signal } = this.#context
    const failures = this.#record.failures?.count ?? 0
    return await issueCertificate(plan, directory, {
      ...{ store, throttle, clock, signal, transport, replaces },
      pending: this.#record.pendingOrder,
      solvers: orderSolvers(this.#context.solvers, { preferred: plan.challenge, failures }),
      onOrder: async (pendingOrder) => {
        if (directory === plan.directory) await this.#save({ ...this.#record, pendingOrder })
      },
    })
  }

  /** Tries a retry first at the staging directory, where failures cost nothing; that certificate is thrown away. */
  async #rehearse(transport: AcmeTransport): Promise<void> {
    const { failures, pendingOrder } = this.#record
    const { stagingDirectory, names } = this.plan
    if (failures === undefined || stagingDirectory === undefined || pendingOrder !== undefined) return
    try {
      await this.#issue(stagingDirectory, transport, undefined)
    } catch (error) {
      // Only its verdict on our names counts. A staging side that is down or busy must not block the real order.
      if (
        this.#context.signal.aborted ||
        !(error instanceof AcmeError) ||
        isJudged(error) ||
        error.code === 'ACME_DNS_FAILED'
      )
        throw error
      this.#context.logger.info(
        { names, err: error },
        'the staging directory cannot be used: the certificate is ordered from the real one',
      )
      return
    }
    this.#context.logger.info(
      { names },
      'the staging directory issued a certificate: now it is ordered from the real one',
    )
  }

  async #checkNetwork(transport: AcmeTransport): Promise<void> {
    const { board, clock, signal, dnsServers, httpPort, logger } = this.#context
    const { plan } = this
    const directory = await AcmeDirectory.open(plan.directory, { transport, clock, signal })
    this.#networkFindings = await preflight(plan.names, {
      ...{ board, dnsServers, httpPort, caaIdentities: directory.resource.caaIdentities },
      isOwnCa: plan.isOwnCa,
      usesNetwork: plan.challenge !== 'dns-01',
      usesHttp: plan.challenge === undefined || plan.challenge === 'http-01',
    })
    for (const { name, message, remedy } of this.#networkFindings)
      logger.warn({ host: name }, `${name} ${message}. ${remedy}`)
    const errors = this.#networkFindings.filter(({ severity }) => severity === 'error')
    const attempts = this.#record.failures?.count ?? 0
    const [first] = errors
    if (first === undefined || attempts % UNCHECKED_EVERY === UNCHECKED_EVERY - 1) return
    const what = errors.map(({ name, message }) => `${name} ${message}`).join('; ')
    throw new AcmeError(
      'ACME_NAMES_REFUSED',
      `no order was made, as the CA would refuse it: ${what}`,
      first.remedy,
    )
  }

  #replaces(certificate: ManagedCertificate | undefined): string | undefined {
    const { installed, skipReplaces } = this.#record
    if (!this.#isOurs(certificate) || skipReplaces === true) return undefined
    return installed?.directory === this.plan.directory ? certificate?.ariId : undefined
  }

  /**
   * True for a certificate of a staging side that the wish no longer names, or of a CA that only a former wish had
   * named.
   */
  #isOfWrongCa(installed: RenewalRecord['installed']): boolean {
    if (installed === undefined) return false
    const isTestNoMore = installed.isTest && !this.plan.isTest
    return isTestNoMore || (installed.isOtherCa === true && installed.directory !== this.plan.directory)
  }

  #isOurs(certificate: ManagedCertificate | undefined): boolean {
    return certificate?.origin === 'acme' && certificate.notAfter === this.#record.installed?.notAfter
  }

  async #save(record: RenewalRecord): Promise<void> {
    this.#record = { ...record, names: this.plan.names }
    await this.#context.store.write('certificates', this.plan.id, this.#record)
  }

  /** The record holds in memory; a restart would try at once. */
  #warnUnsaved(cause: unknown): void {
    this.#context.logger.warn(
      { names: this.plan.names, err: cause },
      'the record of a renewal cannot be written',
    )
  }
}

function iso(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString()
}
