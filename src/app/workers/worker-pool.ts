import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { AnswerRelay } from '../../certificates/acme/challenges/challenge-board.ts'
import type { Config } from '../../config/config.ts'
import { RateLimits } from '../../front-door/judge/rate-limits.ts'
import type { SiteDeclaration } from '../../front-door/sites/site-declaration.ts'
import { flushLogger } from '../../log/logger.ts'
import type { MetricSamples } from '../../metrics/metric.ts'
import { UploadLocks } from '../../registry/push/upload-locks.ts'
import type { ReportKind } from '../status/process-report.ts'
import type { WorkerReports } from '../status/server-report.ts'
import { ChallengeAnswers } from './challenge-answers.ts'
import { WorkerGrants } from './decide-together.ts'
import { forkWorker, prepareForks } from './fork-worker.ts'
import type { ToPrimary, ToWorker } from './messages.ts'
import { RestartPace } from './restart-pace.ts'
import { type WorkerWatch, watchWorker } from './watch-worker.ts'
import { cannotBegin, sendTo, toStartError, type WorkerEntry } from './worker-entry.ts'
import { WorkerFigures } from './worker-figures.ts'
import { WorkerInspection } from './worker-inspection.ts'

/** Time beyond the drain timeout before a worker is killed, in milliseconds. */
const STOP_GRACE_MS = 10_000

interface PoolParts {
  readonly config: Config
  readonly logger: Logger
  readonly isFrozen: boolean
  readonly scrape: () => Promise<string>
}

/** Owns the processes that serve. */
export class WorkerPool implements AsyncDisposable {
  readonly #config: Config
  readonly #logger: Logger
  readonly #isFrozen: boolean
  readonly #scrape: () => Promise<string>
  readonly #ticketSecret = randomBytes(32)
  readonly #together = { uploads: new UploadLocks(), limits: new RateLimits() }
  readonly #entries = new Set<WorkerEntry>()
  readonly #figures = new WorkerFigures<WorkerEntry>()
  readonly #inspection = new WorkerInspection<WorkerEntry>()
  readonly #answers = new ChallengeAnswers(this.#entries)
  readonly #pace = new RestartPace()
  /** Settles when all of the first ones serve, or failed. */
  readonly #started = Promise.withResolvers<void>()
  #containers: readonly SiteDeclaration[] = []
  #hasStarted = false
  #mayAnswer = false
  readonly #stop = new AbortController()

  /** `isFrozen`: the database is only read. `scrape`: the figures of the whole server, as text. */
  constructor({ config, logger, isFrozen, scrape }: PoolParts) {
    this.#config = config
    this.#logger = logger
    this.#isFrozen = isFrozen
    this.#scrape = scrape
  }

  /** Starts all. Errors: `AppError` and other failures of a worker's start. @returns the URLs of the listeners. */
  async start(): Promise<readonly string[]> {
    prepareForks({ hasPassedSockets: this.#hasPassedSockets })
    // One that hangs would outlive this process.
    process.once('exit', this.#killAll)
    try {
      const first = Array.from({ length: this.#config.workers }, () => this.#fork())
      const [urls = []] = await Promise.all(first.map(({ serving }) => serving.promise))
      this.#hasStarted = true
      return urls
    } finally {
      this.#started.resolve()
    }
  }

  /** Passes open challenges on to the workers. */
  get relay(): AnswerRelay {
    return this.#answers.relayAfter(this.#started.promise)
  }

  /** Replaces the declarations of containers. */
  setContainers(containers: readonly SiteDeclaration[]): void {
    this.#containers = containers
    this.#sendAll({ kind: 'containers', containers })
  }

  /** Begins to answer requests. */
  answer(): void {
    this.#mayAnswer = true
    this.#sendAll({ kind: 'answer' })
  }

  /** Reads what each worker does. */
  inspect(report: ReportKind): Promise<WorkerReports> {
    return this.#inspection.read(this.#entries, report, (entry) => sendTo(entry, { kind: 'inspect', report }))
  }

  /** Passes SIGHUP on. */
  hangUp(): void {
    this.#sendAll({ kind: 'hangup' })
  }

  /** Metrics of all workers. */
  readMetrics(): Promise<MetricSamples[][]> {
    return this.#figures.read(this.#entries, (entry) => sendTo(entry, { kind: 'read-metrics' }))
  }

  /** Lets all drain and end, and waits for them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#sendAll({ kind: 'stop' })
    const kill = setTimeout(this.#killAll, this.#config.drainTimeoutS * 1000 + STOP_GRACE_MS)
    await Promise.all([...this.#entries].map(({ ended }) => ended.promise))
    clearTimeout(kill)
    process.off('exit', this.#killAll)
  }

  readonly #killAll = (): void => {
    for (const { worker } of this.#entries) worker.process.kill('SIGKILL')
  }

  /** Errors: `AppError` `WORKER_FAILED`, and those of the system. */
  #fork(serving: WorkerEntry['serving'] = Promise.withResolvers()): WorkerEntry {
    const entry = forkWorker({
      grants: new WorkerGrants(this.#together),
      serving,
      onMessage: (from, message) => this.#onMessage(from, message),
      onExit: (from, code, signal) => this.#onExit(from, code, signal),
    })
    this.#entries.add(entry)
    sendTo(entry, {
      kind: 'start',
      config: { ...this.#config, workers: 1 },
      ticketSecret: this.#ticketSecret,
      containers: this.#containers,
      mayAnswer: this.#mayAnswer,
      isFrozen: this.#isFrozen,
      answers: this.#answers.list(),
    })
    return entry
  }

  #onMessage(entry: WorkerEntry, message: ToPrimary): void {
    switch (message.kind) {
      case 'serving':
        entry.watch = this.#watch(entry)
        entry.serving.resolve(message.urls)
        break
      case 'pong':
        entry.watch?.onAnswer()
        break
      case 'metrics':
        this.#figures.onReply(entry, message.samples)
        break
      case 'scrape':
        void this.#sendScrape(entry)
        break
      case 'inspected':
        this.#inspection.onReply(entry, message.report, message.content)
        break
      case 'failed':
        entry.serving.reject(toStartError(message.failure))
        break
      case 'answering':
        this.#answers.onGiven(entry, message.id)
        break
      case 'login':
        for (const other of this.#entries) if (other !== entry) sendTo(other, message)
        break
      case 'question': {
        const reply = entry.grants.answer(message.id, message.question)
        sendTo(entry, { kind: 'reply', id: message.id, reply })
        break
      }
      case 'release':
        entry.grants.release(message.id)
        sendTo(entry, { kind: 'reply', id: message.id, reply: { kind: 'granted', waitMs: 0 } })
        break
      default:
        message satisfies never
    }
  }

  async #sendScrape(entry: WorkerEntry): Promise<void> {
    try {
      sendTo(entry, { kind: 'scraped', text: await this.#scrape() })
    } catch (err) {
      this.#logger.error({ err }, 'a scrape of the metrics failed')
      sendTo(entry, { kind: 'scraped', text: undefined })
    }
  }

  /** A worker that hangs holds its connections and its turns until it is gone. */
  #watch(entry: WorkerEntry): WorkerWatch {
    const { process: child } = entry.worker
    return watchWorker({
      pid: child.pid ?? 0,
      ping: () => sendTo(entry, { kind: 'ping' }),
      onHung: () => {
        this.#logger.error({ pid: child.pid }, 'a worker no longer answers: it is killed')
        child.kill('SIGKILL')
      },
    })
  }

  #onExit(entry: WorkerEntry, code: number | null, signal: string | null): void {
    this.#entries.delete(entry)
    this.#figures.onEnded(entry)
    this.#inspection.onEnded(entry)
    entry.watch?.[Symbol.dispose]()
    entry.grants.releaseAll()
    this.#answers.onEnded(entry)
    entry.ended.resolve()
    // These signals reach every process of a terminal, and a worker that has just begun does not ignore them yet.
    const isForAll = signal !== null && ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGUSR1'].includes(signal)
    if (isForAll && !this.#stop.signal.aborted && this.#tryToFork(entry.serving)) return
    const why = signal === null ? `with exit code ${code}` : `by ${signal}`
    entry.serving.reject(cannotBegin(`A worker ended ${why} before it served`))
    if (this.#hasLostSockets) this.#end(why)
    else if (!this.#stop.signal.aborted) void this.#replace(entry, why)
  }

  /** True if `node:cluster` has closed the sockets that systemd passed, with the last worker. */
  get #hasLostSockets(): boolean {
    return (
      this.#hasPassedSockets && this.#hasStarted && this.#entries.size === 0 && !this.#stop.signal.aborted
    )
  }

  get #hasPassedSockets(): boolean {
    const { listenHttp, listenHttps } = this.#config
    return listenHttp?.fd !== undefined || listenHttps?.fd !== undefined
  }

  /** Ends this process: systemd starts another, with the sockets, in which connections wait meanwhile. */
  #end(why: string): void {
    this.#logger.fatal(`the last worker ended ${why}, and with it the sockets of systemd: the server ends`)
    void flushLogger(this.#logger).finally(() => process.exit(1))
  }

  async #replace({ worker, serving, startedAt }: WorkerEntry, why: string): Promise<void> {
    const problem = await serving.promise.then(
      () => undefined,
      (error: Error) => error.message,
    )
    // Then the start fails with the reason.
    if (problem !== undefined && !this.#hasStarted) return
    this.#logger.error({ pid: worker.process.pid, problem }, `a worker ended ${why}: another takes its place`)
    this.#pace.onEnded(startedAt)
    do {
      await this.#pace.rest(this.#stop.signal)
    } while (!this.#stop.signal.aborted && !this.#tryToFork())
  }

  #tryToFork(serving?: WorkerEntry['serving']): boolean {
    try {
      this.#fork(serving)
      return true
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      this.#logger.error({ problem }, 'a worker cannot be started: another attempt follows')
      return false
    }
  }

  #sendAll(message: ToWorker): void {
    for (const entry of this.#entries) sendTo(entry, message)
  }
}
