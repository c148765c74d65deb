import cluster, { type Worker } from 'node:cluster'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import type { AnswerRelay, OpenAnswer } from '../../certificates/acme/challenges/challenge-board.ts'
import type { Config } from '../../config/config.ts'
import { RateLimits } from '../../front-door/judge/rate-limits.ts'
import type { SiteDeclaration } from '../../front-door/sites/site-declaration.ts'
import { flushLogger } from '../../log/logger.ts'
import type { MetricSamples } from '../../metrics/metric.ts'
import { UploadLocks } from '../../registry/push/upload-locks.ts'
import { AppError } from '../faults/app-error.ts'
import type { ReportKind } from '../status/process-report.ts'
import type { WorkerReports } from '../status/server-report.ts'
import { WorkerGrants } from './decide-together.ts'
import { closeUntakenConnections } from './handed-connections.ts'
import type { StartFailure, ToPrimary, ToWorker } from './messages.ts'
import { type WorkerWatch, watchWorker } from './watch-worker.ts'
import { WorkerFigures } from './worker-figures.ts'
import { WorkerInspection } from './worker-inspection.ts'

/** Longest start of a worker, in milliseconds: one takes half a second. */
const START_TIMEOUT_MS = 60_000
/**
 * Longest wait for workers to publish an answer for a CA, in milliseconds: a worker that hangs must not delay an order.
 */
const RELAY_TIMEOUT_MS = 5_000
/** Time beyond the drain timeout before a worker is killed, in milliseconds. */
const STOP_GRACE_MS = 10_000
/** Life of a worker, in milliseconds, after which its end shows no fault that the next one has at once. */
const STEADY_MS = 60_000
/**
 * First wait before the replacement of a worker that itself replaced a failed one, doubled each time, and the longest,
 * in milliseconds.
 */
const RESTART_DELAY_MS = 500
const MAX_RESTART_DELAY_MS = 30_000

/** Without it that signal opens Node's debugger, to which any user of the machine can connect. */
const WORKER_FLAGS = ['--disable-sigusr1']

interface Entry {
  readonly worker: Worker
  readonly grants: WorkerGrants
  readonly startedAt: number
  readonly serving: PromiseWithResolvers<readonly string[]>
  readonly ended: PromiseWithResolvers<void>
  /** Answers that it has not confirmed yet. */
  readonly waiting: Map<number, () => void>
  /** Set while it serves. */
  watch: WorkerWatch | undefined
}

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
  readonly #entries = new Set<Entry>()
  readonly #figures = new WorkerFigures<Entry>()
  readonly #inspection = new WorkerInspection<Entry>()
  readonly #answers = new Set<OpenAnswer>()
  /** Settles when all of the first ones serve, or failed. */
  readonly #started = Promise.withResolvers<void>()
  #containers: readonly SiteDeclaration[] = []
  #lastId = 0
  /** Workers in a row that did not live long. */
  #failures = 0
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
    const file = `../../worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`
    // Each worker takes connections from the passed sockets itself: `node:cluster` drops those that it holds for a worker
    // which stops, and they could have waited for the next server.
    cluster.schedulingPolicy = this.#hasPassedSockets ? cluster.SCHED_NONE : cluster.SCHED_RR
    cluster.setupPrimary({
      exec: fileURLToPath(new URL(file, import.meta.url)),
      args: [],
      execArgv: [...process.execArgv, ...WORKER_FLAGS],
      serialization: 'advanced',
    })
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
    return {
      open: async (answer) => {
        this.#answers.add(answer)
        // Before that there is no listener that a CA could check.
        await this.#started.promise
        const given = [...this.#entries].map((entry) => this.#openAnswer(entry, answer))
        await Promise.race([Promise.all(given), sleep(RELAY_TIMEOUT_MS, undefined, { ref: false })])
      },
      close: (answer) => {
        this.#answers.delete(answer)
        this.#sendAll({ kind: 'close-answer', answer })
      },
    }
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
    return this.#inspection.read(this.#entries, report, (entry) => send(entry, { kind: 'inspect', report }))
  }

  /** Passes SIGHUP on. */
  hangUp(): void {
    this.#sendAll({ kind: 'hangup' })
  }

  /** Metrics of all workers. */
  readMetrics(): Promise<MetricSamples[][]> {
    return this.#figures.read(this.#entries, (entry) => send(entry, { kind: 'read-metrics' }))
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
  #fork(serving: Entry['serving'] = Promise.withResolvers()): Entry {
    const worker = cluster.fork()
    // A failed message shows in the worker's exit.
    worker.on('error', () => {})
    closeUntakenConnections(worker)
    if (worker.process.pid === undefined) throw cannotBegin('The system starts no further process')
    const entry: Entry = {
      worker,
      grants: new WorkerGrants(this.#together),
      startedAt: performance.now(),
      serving,
      ended: Promise.withResolvers(),
      waiting: new Map(),
      watch: undefined,
    }
    // The start of a later one is not awaited.
    entry.serving.promise.catch(() => {})
    this.#entries.add(entry)
    worker.on('message', (message: ToPrimary) => this.#onMessage(entry, message))
    worker.on('exit', (code, signal) => this.#onExit(entry, code, signal))
    const isLate = setTimeout(() => worker.process.kill('SIGKILL'), START_TIMEOUT_MS)
    const inTime = (): void => clearTimeout(isLate)
    entry.serving.promise.then(inTime, inTime)
    send(entry, {
      kind: 'start',
      config: { ...this.#config, workers: 1 },
      ticketSecret: this.#ticketSecret,
      containers: this.#containers,
      mayAnswer: this.#mayAnswer,
      isFrozen: this.#isFrozen,
      answers: [...this.#answers],
    })
    return entry
  }

  #onMessage(entry: Entry, message: ToPrimary): void {
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
        entry.serving.reject(toError(message.failure))
        break
      case 'answering':
        entry.waiting.get(message.id)?.()
        entry.waiting.delete(message.id)
        break
      case 'login':
        for (const other of this.#entries) if (other !== entry) send(other, message)
        break
      case 'question': {
        const reply = entry.grants.answer(message.id, message.question)
        send(entry, { kind: 'reply', id: message.id, reply })
        break
      }
      case 'release':
        entry.grants.release(message.id)
        send(entry, { kind: 'reply', id: message.id, reply: { kind: 'granted', waitMs: 0 } })
        break
      default:
        message satisfies never
    }
  }

  async #sendScrape(entry: Entry): Promise<void> {
    try {
      send(entry, { kind: 'scraped', text: await this.#scrape() })
    } catch (err) {
      this.#logger.error({ err }, 'a scrape of the metrics failed')
      send(entry, { kind: 'scraped', text: undefined })
    }
  }

  /** A worker that hangs holds its connections and its turns until it is gone. */
  #watch(entry: Entry): WorkerWatch {
    const { process: child } = entry.worker
    return watchWorker({
      pid: child.pid ?? 0,
      ping: () => send(entry, { kind: 'ping' }),
      onHung: () => {
        this.#logger.error({ pid: child.pid }, 'a worker no longer answers: it is killed')
        child.kill('SIGKILL')
      },
    })
  }

  #onExit(entry: Entry, code: number | null, signal: string | null): void {
    this.#entries.delete(entry)
    this.#figures.onEnded(entry)
    this.#inspection.onEnded(entry)
    entry.watch?.[Symbol.dispose]()
    entry.grants.releaseAll()
    for (const done of entry.waiting.values()) done()
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

  async #replace({ worker, serving, startedAt }: Entry, why: string): Promise<void> {
    const problem = await serving.promise.then(
      () => undefined,
      (error: Error) => error.message,
    )
    // Then the start fails with the reason.
    if (problem !== undefined && !this.#hasStarted) return
    this.#logger.error({ pid: worker.process.pid, problem }, `a worker ended ${why}: another takes its place`)
    if (performance.now() - startedAt > STEADY_MS) this.#failures = -1
    do {
      this.#failures++
      if (this.#failures > 1) {
        const delayMs = Math.min(RESTART_DELAY_MS * 2 ** (this.#failures - 2), MAX_RESTART_DELAY_MS)
        // With no worker left this wait is all that keeps the process.
        await Promise.allSettled([sleep(delayMs, undefined, { signal: this.#stop.signal })])
      }
    } while (!this.#stop.signal.aborted && !this.#tryToFork())
  }

  #tryToFork(serving?: Entry['serving']): boolean {
    try {
      this.#fork(serving)
      return true
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      this.#logger.error({ problem }, 'a worker cannot be started: another attempt follows')
      return false
    }
  }

  #openAnswer(entry: Entry, answer: OpenAnswer): Promise<void> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      entry.waiting.set(id, resolve)
      send(entry, { kind: 'open-answer', id, answer })
    })
  }

  #sendAll(message: ToWorker): void {
    for (const entry of this.#entries) send(entry, message)
  }
}

function cannotBegin(what: string): AppError {
  return new AppError(
    'WORKER_FAILED',
    what,
    'Look at the lines before this one; with --workers 1 one process serves alone',
  )
}

function send({ worker }: Entry, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => {})
}

/** Commands distinguish errors by name and code, not by class. */
function toError({ name, code, message, remedy }: StartFailure): Error {
  return Object.assign(new Error(message), { name, code, remedy })
}
