import type { Logger } from 'pino'
import { orderSolvers } from './challenges/board-solvers.ts'
import type { ChallengeBoard } from './challenges/challenge-board.ts'
import { AcmeDirectory } from './client/acme-directory.ts'
import { AcmeError } from './client/acme-error.ts'
import { type AcmeTransport, createTransport } from './client/acme-transport.ts'
import type { ChallengeSolver } from './client/challenge-solver.ts'
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

/** What flights share. */
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
  /** Who is asked about names; undefined: the system's resolvers. */
  readonly dnsServers?: readonly DnsEndpoint[] | undefined
  /** Port of the plain listener as the world sees it; undefined: 80. */
  readonly httpPort?: number | undefined
}

/** Each attempt of this many goes ahead whatever the network checks say: this machine may see the DNS otherwise. */
const UNCHECKED_EVERY = 4

/** One certificate on its way: what is known of it, and its attempts. */
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

  /** What is or may be in the way, by the plan and the last look at the network. */
  get findings(): readonly PreflightFinding[] {
    return [...this.#planFindings, ...this.#networkFindings]
  }

  /** True if no CA would sign what is asked for: it is not asked. */
  get isRefused(): boolean {
    return this.#planFindings.some(({ severity }) => severity === 'error')
  }

  /** The best certificate in use that has all names; undefined: none that is valid. */
  pick(certificates: readonly ManagedCertificate[]): ManagedCertificate | undefined {
    return pickCertificate(certificates, this.plan.names, this.#context.clock())
  }

  /** When the next attempt is due. Unix time in ms. */
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

  /** When the CA is to be asked about the time of renewal; undefined: never. Unix time in ms. */
  adviceAt(certificate: ManagedCertificate | undefined): number | undefined {
    if (certificate?.origin !== 'acme' || certificate.ariId === undefined) return undefined
    const { advice } = this.#record
    return advice?.id === certificate.ariId ? advice.checkAt : this.#context.clock()
  }

  /** Asks the CA when to renew (RFC 9773). Errors: none; a CA that does not answer is asked again later. */
  async refreshAdvice(id: string): Promise<void> {
    const { logger, signal } = this.#context
    const directory = this.#record.installed?.directory ?? this.plan.directory
    const before = this.#record.advice
    const { advice, error } = await refreshAdvice(before, { ...this.#context, id, directory })
    if (signal.aborted) return
    const { names } = this.plan
    if (error !== undefined) logger.info({ names, err: error }, 'the CA could not be asked when to renew')
    const hasMoved = before?.id === id && before.window && before.window.chosenAt !== advice.window?.chosenAt
    if (hasMoved)
      logger.info(
        { names, chosenAt: iso(advice.window?.chosenAt), why: advice.window?.explanationUrl },
        'the CA has moved the time of renewal',
      )
    await this.#save({ ...this.#record, advice }).catch((cause) => this.#warnUnsaved(cause))
  }

  /** Tries to get and install a certificate; what comes of it is in the record and in the log. Errors: none. */
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
      solvers: orderSolvers(this.#context.solvers, { wanted: plan.challenge, failures }),
      onOrder: async (pendingOrder) => {
        if (directory === plan.directory) await this.#save({ ...this.#record, pendingOrder })
      },
    })
  }

  /** A retry is tried out first where failures cost nothing; that certificate is thrown away. */
  async #rehearse(transport: AcmeTransport): Promise<void> {
    const { failures, pendingOrder } = this.#record
    const { stagingDirectory, names } = this.plan
    if (failures === undefined || stagingDirectory === undefined || pendingOrder !== undefined) return
    try {
      await this.#issue(stagingDirectory, transport, undefined)
    } catch (error) {
      // What it says of our names counts. That it is down or busy must not keep us from the real one.
      if (
        this.#context.signal.aborted ||
        !(error instanceof AcmeError) ||
        isJudged(error) ||
        error.code === 'ACME_DNS_FAILED'
      )
        throw error
      this.#context.logger.info(
        { names, err: error },
        'the staging directory is of no help; the real one is asked',
      )
      return
    }
    this.#context.logger.info(
      { names },
      'the staging directory gave a certificate; now the real one is ordered',
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
      `the CA was not asked, as it would refuse: ${what}`,
      first.remedy,
    )
  }

  #replaces(certificate: ManagedCertificate | undefined): string | undefined {
    const { installed, skipReplaces } = this.#record
    if (!this.#isOurs(certificate) || skipReplaces === true) return undefined
    return installed?.directory === this.plan.directory ? certificate?.ariId : undefined
  }

  /** Of a staging side that is meant no more, or of a CA that only whoever asked before had chosen. */
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

  /** In memory it holds; a restart would try at once. */
  #warnUnsaved(cause: unknown): void {
    this.#context.logger.warn(
      { names: this.plan.names, err: cause },
      'the state of a renewal cannot be written down',
    )
  }
}

function iso(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString()
}
