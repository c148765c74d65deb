import cluster from 'node:cluster'
import type { Logger } from 'pino'
import type { OpenAnswer } from '../../certificates/acme/challenges/challenge-board.ts'
import { AnswerGate } from '../../front-door/listen/answer-gate.ts'
import { createLogger, flushLogger, openStandardOutput } from '../../log/logger.ts'
import { RecentLines } from '../../log/recent-lines.ts'
import type { ProcessMetrics } from '../../metrics/process-metrics.ts'
import { ChunkCollector } from '../../stream/chunk-collector.ts'
import { CertificateExpiry } from '../certificates/certificate-expiry.ts'
import { TlsPairWatch } from '../certificates/tls-pair-watch.ts'
import { logAccountTrouble, openStore, type Store } from '../data/open-store.ts'
import { logListening, logReplaced, withDatabaseFaults } from '../database/open-database.ts'
import type { DoorSource } from '../door/open-front-door.ts'
import { shareDataFolder } from '../folders/data-folder.ts'
import { openHeadroom } from '../folders/keep-headroom.ts'
import { loadMetrics } from '../metrics/load-metrics.ts'
import { openContents } from '../open-registry.ts'
import { openServing } from '../open-serving.ts'
import { Activity } from '../status/activity.ts'
import { type ReportKind, reportProcess } from '../status/process-report.ts'
import { loadTraces } from '../traces/load-traces.ts'
import type { StartFailure, ToPrimary, ToWorker, WorkerStart } from './messages.ts'
import { PrimaryQuestions } from './primary-questions.ts'
import { PrimaryScrapes } from './primary-scrapes.ts'

/** State of a worker beside its start, from the primary's messages. */
interface FromPrimary {
  readonly started: Promise<WorkerStart>
  readonly stopped: Promise<void>
  readonly questions: PrimaryQuestions
  readonly scrapes: PrimaryScrapes
  readonly activity: Activity
  readonly recent: RecentLines
  readonly gate: AnswerGate
  /** Current declarations; more may come while the worker begins. */
  containers: WorkerStart['containers']
  readonly answers: Map<string, OpenAnswer>
  /** Set once there is a store that can take changes. */
  store: Store | undefined
  /** Set once it counts. */
  metrics: ProcessMetrics | undefined
  onContainers: () => void
  onAnswer: (key: string, answer: OpenAnswer | undefined) => void
}

/**
 * Serves as one of several workers until the primary stops it. Without the primary the process ends at once, as the
 * workers' upload turns need it.
 * @returns the exit code.
 */
export async function runWorker({ onServing }: { onServing: () => void }): Promise<number> {
  // They reach every process of a terminal or a service: the primary handles them.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGUSR1', 'SIGHUP']) process.on(signal, () => {})
  // A failed message was for a primary that is gone; the disconnection would come a moment later.
  cluster.worker?.on('error', () => process.exit(1))
  const fromPrimary = listenToPrimary()
  const start = await fromPrimary.started
  const logger = createLogger(start.config.log, openStandardOutput({ isShared: true }), fromPrimary.recent)
  await using resources = new AsyncDisposableStack()
  const state = { isStopping: false }
  try {
    const context = { start, fromPrimary, logger, resources, isStopping: () => state.isStopping }
    const urls = await withDatabaseFaults(start.config, () => serve(context))
    send({ kind: 'serving', urls })
  } catch (error) {
    await flushLogger(logger)
    await sendAndWait({ kind: 'failed', failure: describe(error) })
    return 1
  }
  onServing()
  await fromPrimary.stopped
  state.isStopping = true
  await resources.disposeAsync()
  await flushLogger(logger)
  return 0
}

interface WorkerContext {
  readonly start: WorkerStart
  readonly fromPrimary: FromPrimary
  readonly logger: Logger
  readonly resources: AsyncDisposableStack
  readonly isStopping: () => boolean
}

async function serve(context: WorkerContext): Promise<string[]> {
  const { start, fromPrimary, logger, resources } = context
  const { config } = start
  resources.use(shareDataFolder(config.dataDir))
  const headroom = openHeadroom(config, logger)
  const metrics = await loadMetrics(config, { role: 'worker', resources })
  fromPrimary.metrics = metrics
  const traces = await loadTraces(config, { logger, metrics, resources })
  const store = resources.adopt(
    await openStore(config, {
      headroom,
      isFrozen: start.isFrozen,
      metrics,
      traces,
      ...logAccountTrouble(logger),
      onReplaced: (file) => logReplaced(logger, file),
      onListening: (problem) => logListening(logger, problem),
      loginRelay: (news) => send({ kind: 'login', news }),
      loginSecret: start.ticketSecret,
    }),
    (opened) => opened.close(),
  )
  fromPrimary.store = store
  const quiet = createQuiet(logger)
  const tls = config.tls && resources.use(await TlsPairWatch.open(config.tls, { logger: quiet }))
  const { uploadTurns, limits } = fromPrimary.questions
  const collector = new ChunkCollector()
  const contents = await openContents(
    { config, logger, headroom, collector, metrics, traces },
    store.database,
  )
  resources.defer(() => contents.blobs.close())
  return openServing({
    ...context,
    config,
    store,
    contents,
    collector,
    tls,
    source: await openSource(context, tls),
    gate: fromPrimary.gate,
    expiry: new CertificateExpiry(tls),
    metrics,
    traces,
    activity: fromPrimary.activity,
    scrape: () => fromPrimary.scrapes.request(),
    together: { uploadTurns, limits, ticketSecret: start.ticketSecret },
  })
}

function sendReport(fromPrimary: FromPrimary, report: ReportKind): void {
  send({ kind: 'inspected', report, content: reportProcess(fromPrimary, report) })
}

/** A worker that is not ready yet has none. */
async function sendMetrics(metrics: ProcessMetrics | undefined): Promise<void> {
  send({ kind: 'metrics', samples: metrics ? await metrics.read() : [] })
}

/** Watches the same folders as the primary does, and gets the rest by its messages. */
async function openSource(
  { start, fromPrimary, logger, resources }: WorkerContext,
  tls: TlsPairWatch | undefined,
): Promise<DoorSource | undefined> {
  const { config } = start
  const { frontDoor: door } = config
  if (!door) return undefined
  const [{ openCertificates }, { ChallengeBoard }, { SiteBoard }] = await Promise.all([
    import('../certificates/open-certificates.ts'),
    import('../../certificates/acme/challenges/challenge-board.ts'),
    import('../door/site-board.ts'),
  ])
  const quiet = createQuiet(logger)
  const { source } = await openCertificates({
    config,
    door,
    tls,
    logger: quiet,
    resources,
    onChange: () => {},
    acmeStatus: () => [],
  })
  const challenges = new ChallengeBoard(Date.now)
  const open = new Map<string, Disposable>()
  fromPrimary.onAnswer = (key, answer) => {
    open.get(key)?.[Symbol.dispose]()
    open.delete(key)
    if (!answer) return
    const { type, subject, keyAuthorization } = answer
    const add = type === 'http-01' ? 'addHttp' : 'addAlpn'
    open.set(key, challenges[add](subject, keyAuthorization))
  }
  for (const [key, answer] of fromPrimary.answers) fromPrimary.onAnswer(key, answer)
  return {
    certificates: source,
    challenges,
    async watchSites(onSites) {
      const board = resources.use(await SiteBoard.open({ door, logger: quiet, onSites }))
      fromPrimary.onContainers = () => board.setContainers(fromPrimary.containers)
      fromPrimary.onContainers()
    },
  }
}

function toKey({ type, subject, keyAuthorization }: OpenAnswer): string {
  return `${type} ${subject} ${keyAuthorization}`
}

/** A logger without the messages that the primary also logs. */
function createQuiet(logger: Logger): Logger {
  return logger.child({}, { level: 'silent' })
}

function listenToPrimary(): FromPrimary {
  const started = Promise.withResolvers<WorkerStart>()
  const stopped = Promise.withResolvers<void>()
  const fromPrimary: FromPrimary = {
    started: started.promise,
    stopped: stopped.promise,
    questions: new PrimaryQuestions(send),
    scrapes: new PrimaryScrapes(send),
    activity: new Activity(),
    recent: new RecentLines(),
    gate: new AnswerGate(),
    containers: [],
    answers: new Map(),
    store: undefined,
    metrics: undefined,
    onContainers: () => {},
    onAnswer: () => {},
  }
  const setAnswer = (answer: OpenAnswer, isOpen: boolean): void => {
    const key = toKey(answer)
    if (isOpen) fromPrimary.answers.set(key, answer)
    else fromPrimary.answers.delete(key)
    fromPrimary.onAnswer(key, isOpen ? answer : undefined)
  }
  process.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'start':
        fromPrimary.containers = message.containers
        for (const answer of message.answers) setAnswer(answer, true)
        if (message.mayAnswer) fromPrimary.gate.open()
        started.resolve(message)
        break
      case 'containers':
        fromPrimary.containers = message.containers
        fromPrimary.onContainers()
        break
      case 'open-answer':
        setAnswer(message.answer, true)
        send({ kind: 'answering', id: message.id })
        break
      case 'close-answer':
        setAnswer(message.answer, false)
        break
      case 'login':
        fromPrimary.store?.guard.note(message.news)
        break
      case 'inspect':
        sendReport(fromPrimary, message.report)
        break
      case 'reply':
        fromPrimary.questions.onReply(message.id, message.reply)
        break
      case 'scraped':
        fromPrimary.scrapes.onReply(message.text)
        break
      case 'answer':
        fromPrimary.gate.open()
        break
      case 'hangup':
        process.emit('SIGHUP', 'SIGHUP')
        break
      case 'ping':
        send({ kind: 'pong' })
        break
      case 'read-metrics':
        void sendMetrics(fromPrimary.metrics)
        break
      case 'stop':
        stopped.resolve()
        break
      default:
        message satisfies never
    }
  })
  return fromPrimary
}

function send(message: ToPrimary): void {
  // A primary that is gone ends this process in a moment.
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}

function sendAndWait(message: ToPrimary): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(message, undefined, undefined, () => resolve())
  })
}

function describe(error: unknown): StartFailure {
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
  const { code, remedy } = Object(error) as { code?: unknown; remedy?: unknown }
  return { name, message, code: parseText(code), remedy: parseText(remedy) }
}

function parseText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
