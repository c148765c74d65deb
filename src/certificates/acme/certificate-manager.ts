import type { Logger } from 'pino'
import { hostKey } from '../x509/x509-facts.ts'
import { CertificateFlight, type FlightContext } from './certificate-flight.ts'
import { type CertificateStatus, describeFlight, localStatus } from './certificate-status.ts'
import { createAlpnSolver, createHttpSolver } from './challenges/board-solvers.ts'
import { type AnswerRelay, type ChallengeAnswers, ChallengeBoard } from './challenges/challenge-board.ts'
import type { ChallengeSolver } from './client/challenge-solver.ts'
import { AcmeError } from './client/requests/acme-error.ts'
import { createDnsSolver } from './dns/dns-challenge.ts'
import type { DnsEndpoint } from './dns/dns-exchange.ts'
import { createDnsHook } from './dns/dns-hook.ts'
import { createDnsUpdate } from './dns/dns-update.ts'
import { OrderThrottle } from './issue/order-throttle.ts'
import { type PreflightFinding, planWish } from './plan/acme-plan.ts'
import type { AcmeDefaults, AcmePlan, AcmeWish } from './plan/acme-wish.ts'
import { AcmeStore } from './renew/acme-store.ts'
import type { CertificateKeeper, ManagedCertificate } from './renew/certificate-keeper.ts'
import { readRecord } from './renew/renewal-record.ts'
import { WorkGate } from './work-gate.ts'

/** Orders at once. */
const MAX_AT_ONCE = 4
/**
 * Longest time between two checks, in ms: the delay after which a jump of the clock, or a sleep of the machine, is
 * noticed.
 */
const LOOK_EVERY_MS = 10 * 60 * 1000
/** Shortest time between two checks, in ms: it bounds their load. */
const LOOK_MIN_MS = 1000
/** Time in which ends of checks are gathered before the next time is computed, in ms: there may be thousands. */
const GATHER_MS = 50

/** Dependencies and settings of the manager. */
export interface CertificateManagerOptions {
  /** `<data>/certificates/acme`. */
  readonly folder: string
  readonly keeper: CertificateKeeper
  readonly defaults: AcmeDefaults
  readonly logger: Logger
  /** Sent to CAs: RFC 8555 section 6.1 requires product and version. */
  readonly userAgent: string
  /** Listeners that a CA can reach: false if that listener is off. */
  readonly listens?: { readonly http: boolean; readonly tls: boolean } | undefined
  /** Unix time in ms. */
  readonly clock?: (() => number) | undefined
  /** At least 0, below 1. */
  readonly random?: (() => number) | undefined
  /** Servers for look-ups of names and records in place of the system's and the zones' own. */
  readonly dnsServers?: readonly DnsEndpoint[] | undefined
  /** Passes open challenges on to other processes that listen. */
  readonly relay?: AnswerRelay | undefined
  /** Port of the plain listener as seen from the internet; undefined: 80. */
  readonly httpPort?: number | undefined
}

interface Local {
  readonly kind: 'local'
  readonly id: string
  readonly names: readonly string[]
}

interface Ordered {
  readonly kind: 'order'
  readonly id: string
  readonly flight: CertificateFlight
  /** The check or attempt under way. */
  running: Promise<void> | undefined
}

/**
 * Keeps a certificate for each wish: orders one if none that is valid is in use, renews in time, tries again after
 * failures. Never deletes a certificate: after its wish is gone it is only no longer renewed.
 *
 * Starts to work with the first {@link setWishes}. Disposing ends the work under way; orders are found again at the
 * next start.
 */
export class CertificateManager implements AsyncDisposable {
  /** Answers for the listeners. */
  readonly challenges: ChallengeAnswers
  readonly #options: CertificateManagerOptions
  readonly #context: FlightContext
  readonly #stop = new AbortController()
  readonly #gate = new WorkGate(MAX_AT_ONCE)
  /** Work under way, also for wishes that are gone. */
  readonly #running = new Set<Promise<void>>()
  #entries = new Map<string, Local | Ordered>()
  #certificates: readonly ManagedCertificate[] = []
  #timer: NodeJS.Timeout | undefined
  #gathering: NodeJS.Timeout | undefined
  /** Changes of wishes run in the order of their calls. */
  #change: Promise<void> = Promise.resolve()

  /** Errors: `ACME_DNS_FAILED` if `dnsKey` cannot be read. */
  constructor(options: CertificateManagerOptions) {
    const clock = options.clock ?? Date.now
    const board = new ChallengeBoard(clock, options.relay)
    this.challenges = board
    this.#options = options
    this.#context = {
      store: new AcmeStore(options.folder),
      keeper: options.keeper,
      throttle: new OrderThrottle(),
      board,
      solvers: makeSolvers(options, board, clock),
      logger: options.logger,
      directoryCaFile: options.defaults.directoryCaFile,
      userAgent: options.userAgent,
      clock,
      random: options.random ?? Math.random,
      signal: this.#stop.signal,
      dnsServers: options.dnsServers,
      httpPort: options.httpPort,
    }
  }

  /**
   * Replaces all wishes; the work for unchanged ones goes on undisturbed. Of two wishes with the same names the first
   * counts. Settles when the new ones are planned, not when they have certificates.
   */
  setWishes(wishes: readonly AcmeWish[]): Promise<void> {
    this.#change = this.#change.catch(() => {}).then(() => this.#takeIn(wishes))
    return this.#change
  }

  /** Status of each wish, in the order of the wishes. */
  status(): CertificateStatus[] {
    return [...this.#entries.values()].map((entry) => {
      if (entry.kind === 'local') return localStatus(entry.names)
      const certificate = entry.flight.pick(this.#certificates)
      return describeFlight(entry.flight, certificate, this.#context.clock())
    })
  }

  /**
   * Renews at once the certificates that have any of these names, without regard to the retry ladder; without names,
   * all. Settles with their status when each has been tried. Errors: `ACME_NAMES_REFUSED` if no wish has such a name.
   */
  async renewNow(names: readonly string[] = []): Promise<CertificateStatus[]> {
    const selectedHosts = names.map(hostKey)
    const isSelected = ({ flight }: Ordered): boolean =>
      selectedHosts.length === 0 || flight.plan.names.some((name) => selectedHosts.includes(name))
    const selected = this.#ordered().filter((entry) => isSelected(entry) && !entry.flight.isRefused)
    if (selected.length === 0)
      throw new AcmeError(
        'ACME_NAMES_REFUSED',
        `no certificate of a CA is configured for ${names.join(', ') || 'any name'}`,
        'berth cert list shows which are; ask for one by --domain, ACME_HOST or berth.yaml.',
      )
    await Promise.all(
      selected.map(async (entry) => {
        await entry.running
        await this.#run(entry, { isForced: true })
      }),
    )
    return selected.map(({ flight }) =>
      describeFlight(flight, flight.pick(this.#certificates), this.#context.clock()),
    )
  }

  /** Checks every certificate and does the work that is due. Settles when it is done. Errors: none. */
  async check(): Promise<void> {
    if (!(await this.#list())) return
    await Promise.all(this.#ordered().map((entry) => this.#run(entry, { isForced: false })))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    clearTimeout(this.#timer)
    await Promise.allSettled([this.#change])
    await Promise.allSettled(this.#running)
    clearTimeout(this.#gathering)
    clearTimeout(this.#timer)
  }

  async #takeIn(wishes: readonly AcmeWish[]): Promise<void> {
    const planned = wishes.map((wish) => planWish(wish, this.#options.defaults))
    const pairNames = choosePairNames(planned.flatMap((each) => (each.kind === 'order' ? [each.plan] : [])))
    const entries = new Map<string, Local | Ordered>()
    for (const each of planned) {
      const id = each.kind === 'local' ? each.id : each.plan.id
      if (entries.has(id)) continue
      if (each.kind === 'local') entries.set(id, each)
      else {
        const plan = { ...each.plan, pairName: pairNames.get(id) ?? id }
        entries.set(id, await this.#ordering({ ...each, plan }))
      }
    }
    this.#entries = entries
    void this.check()
  }

  /** The existing entry, if it is unchanged. */
  async #ordering(planned: Extract<ReturnType<typeof planWish>, { kind: 'order' }>): Promise<Ordered> {
    const { plan, findings } = planned
    const known = this.#entries.get(plan.id)
    if (known?.kind === 'order' && JSON.stringify(known.flight.plan) === JSON.stringify(plan)) return known
    // Two attempts for the same names must not run at once.
    if (known?.kind === 'order') await known.running
    const { record, problem } = await readRecord(this.#context.store, plan.id, plan.names)
    if (problem !== undefined)
      this.#context.logger.warn({ names: plan.names, err: problem }, 'the record of a renewal cannot be read')
    this.#warn(plan.names, findings)
    const flight = new CertificateFlight({ plan, findings }, record, this.#context)
    return { kind: 'order', id: plan.id, flight, running: undefined }
  }

  #warn(names: readonly string[], findings: readonly PreflightFinding[]): void {
    for (const { name, message, remedy } of findings)
      this.#context.logger.warn({ names }, `${name === undefined ? '' : `${name}: `}${message}. ${remedy}`)
  }

  /** Starts at most one flight for each set of names: a call during a flight joins it. */
  #run(entry: Ordered, how: { isForced: boolean }): Promise<void> {
    if (entry.running !== undefined) return entry.running
    const running = this.#look(entry, how).finally(() => {
      this.#running.delete(running)
      entry.running = undefined
      this.#schedule()
    })
    this.#running.add(running)
    entry.running = running
    return running
  }

  async #look({ flight }: Ordered, { isForced }: { isForced: boolean }): Promise<void> {
    const { clock, signal } = this.#context
    if (flight.isRefused) return
    const now = clock()
    const certificate = flight.pick(this.#certificates)
    const adviceAt = flight.adviceAt(certificate)
    if (!isForced && adviceAt !== undefined && adviceAt <= now && certificate?.ariId !== undefined) {
      const { ariId } = certificate
      await this.#gate.run(() => flight.refreshAdvice(ariId))
    }
    if (!isForced && flight.attemptAt(certificate) > clock()) return
    await this.#gate.run(async () => {
      if (!signal.aborted) await flight.attempt(certificate)
    })
    await this.#list()
  }

  /** False if the certificates cannot be listed, in which case no order may be made. */
  async #list(): Promise<boolean> {
    try {
      this.#certificates = await this.#options.keeper.list()
      return true
    } catch (error) {
      this.#context.logger.error({ err: error }, 'the certificates in use cannot be listed; none is renewed')
      return false
    } finally {
      this.#schedule()
    }
  }

  #schedule(): void {
    if (this.#stop.signal.aborted) return
    this.#gathering ??= setTimeout(() => this.#scheduleNow(), GATHER_MS).unref()
  }

  #scheduleNow(): void {
    this.#gathering = undefined
    clearTimeout(this.#timer)
    if (this.#stop.signal.aborted) return
    const now = this.#context.clock()
    const times = this.#ordered()
      .filter(({ running, flight }) => running === undefined && !flight.isRefused)
      .flatMap(({ flight }) => {
        const certificate = flight.pick(this.#certificates)
        return [flight.attemptAt(certificate), flight.adviceAt(certificate) ?? Number.POSITIVE_INFINITY]
      })
    const waitMs = Math.min(Math.max(Math.min(...times) - now, LOOK_MIN_MS), LOOK_EVERY_MS)
    this.#timer = setTimeout(() => void this.check(), waitMs).unref()
  }

  #ordered(): Ordered[] {
    return [...this.#entries.values()].filter((entry) => entry.kind === 'order')
  }
}

/**
 * The names of the stored pairs, by the id of their plan: two sets that begin with the same host must not replace each
 * other's pair, and the host `example.com` gets the pair of that name before `*.example.com` does.
 */
function choosePairNames(plans: readonly AcmePlan[]): Map<string, string> {
  const chosen = new Map<string, string>()
  const taken = new Set<string>()
  const isWildcard = ({ names }: AcmePlan): boolean => names[0]?.startsWith('*.') ?? false
  for (const { id, pairName } of [...plans].sort((a, b) => Number(isWildcard(a)) - Number(isWildcard(b)))) {
    if (chosen.has(id)) continue
    chosen.set(id, taken.has(pairName) ? id : pairName)
    taken.add(pairName)
  }
  return chosen
}

/** The available ways, those that need no setting first. */
function makeSolvers(
  options: CertificateManagerOptions,
  board: ChallengeBoard,
  clock: () => number,
): ChallengeSolver[] {
  const { dnsHook, dnsServer, dnsKey } = options.defaults
  const listens = options.listens ?? { http: true, tls: true }
  const solvers: ChallengeSolver[] = []
  if (listens.http) solvers.push(createHttpSolver(board))
  if (listens.tls) solvers.push(createAlpnSolver(board))
  const propagation = { servers: options.dnsServers }
  if (dnsHook !== undefined) solvers.push(createDnsSolver(createDnsHook(dnsHook), propagation))
  else if (dnsServer !== undefined)
    solvers.push(createDnsSolver(createDnsUpdate({ server: dnsServer, key: dnsKey, clock }), propagation))
  return solvers
}
