import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ContainerBook } from './container-book.ts'
import { type DockerClient, readEngineVersion } from './engine/docker-client.ts'
import { DockerError } from './engine/docker-error.ts'
import { readEvent } from './engine/engine-event.ts'
import type { ContainerFacts } from './facts/container-facts.ts'
import {
  findOwnContainer,
  findOwnTraces,
  type NetworkFacts,
  NGINX_CONTAINER_LABEL,
  type OwnPlace,
  type OwnTraces,
  readNetworks,
  toOwnPlace,
} from './facts/own-networks.ts'

/** Subscribed events. `died` and `remove` are podman's words for `die` and `destroy`. */
const EVENTS = {
  type: ['container', 'network'],
  event: [
    ...['start', 'stop', 'die', 'died', 'pause', 'unpause', 'rename', 'update', 'destroy', 'remove'],
    ...['health_status', 'connect', 'disconnect'],
  ],
}

/** Times of the watch, in milliseconds. */
export interface WatchTimes {
  /** Quiet time after an event before containers are read: a start is a handful of events. */
  readonly settleMs: number
  /** Longest time that more events can put that off. */
  readonly maxSettleMs: number
  /** Time between two lists without an event: one may be lost. */
  readonly pollMs: number
  /** Wait before the next try after a lost connection; it doubles up to the longest. */
  readonly minRetryMs: number
  readonly maxRetryMs: number
  /** Longest wait for a container that cannot be inspected before the others are reported. */
  readonly patienceMs: number
}

const TIMES: WatchTimes = {
  settleMs: 100,
  maxSettleMs: 500,
  pollMs: 30_000,
  minRetryMs: 1_000,
  maxRetryMs: 10_000,
  patienceMs: 1_000,
}
/** Longest wait for the answer to a subscription, in milliseconds: proxies may hold it back until the first event. */
const SUBSCRIBE_WAIT_MS = 1_000
/** Unreadable lines after which a stream counts as not that of an engine. */
const MAX_LOST_LINES = 100

/** Dependencies and callbacks of the watch. */
interface WatchContainersOptions {
  /** The watch's own: it is closed with it. */
  readonly client: DockerClient
  readonly logger: Logger
  /** Containers that declare a host, stopped ones, too; called after each change, and once after the first list. */
  readonly onContainers: (containers: readonly ContainerFacts[], place: OwnPlace) => void
  /** State of the connection to the engine, a sentence. */
  readonly onState: (state: string) => void
  /** `NGINX_CONTAINER_LABEL`. */
  readonly containerLabel?: string | undefined
  /** Traces of Berth's own container; by default they are searched for. */
  readonly ownTraces?: OwnTraces | undefined
  readonly times?: Partial<WatchTimes> | undefined
  /** Ends the watch, as disposing does. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Watches the containers of an engine until it is disposed of. It subscribes to events before it reads the list, so
 * that nothing is missed between. While the engine is away the last known containers stay, without reports.
 */
export class ContainerWatch implements AsyncDisposable {
  readonly #options: WatchContainersOptions
  readonly #times: WatchTimes
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #traces: OwnTraces = { isContained: false, ids: [] }
  #book: ContainerBook | undefined
  /** Ids to inspect. */
  #changed = new Set<string>()
  #isListDue = false
  #settle: NodeJS.Timeout | undefined
  #firstChangeAt: number | undefined
  #reportedVersion: number | undefined
  #networks: ReadonlyMap<string, NetworkFacts> = new Map()
  /** Names of the networks at the last query of the engine. */
  #queriedNetworks: ReadonlySet<string> = new Set()
  #engine = ''
  #failure: string | undefined

  constructor(options: WatchContainersOptions) {
    this.#options = options
    this.#times = { ...TIMES, ...options.times }
    if (options.signal?.aborted) this.#stop.abort()
    else
      options.signal?.addEventListener('abort', () => this.#stop.abort(), {
        signal: this.#stop.signal,
        once: true,
      })
    this.#running = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    clearTimeout(this.#settle)
    this.#options.client.close()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    this.#traces = this.#options.ownTraces ?? (await findOwnTraces())
    this.#book = new ContainerBook({
      client: this.#options.client,
      containerLabel: this.#options.containerLabel ?? NGINX_CONTAINER_LABEL,
      ownIds: this.#traces.ids,
      onFailure: (id, err) =>
        this.#options.logger.debug({ err, container: id }, 'a container could not be read'),
    })
    for (let retryMs = this.#times.minRetryMs; !signal.aborted; ) {
      try {
        const connection = await this.#connect(this.#book, signal)
        retryMs = this.#times.minRetryMs
        await connection.end
      } catch (error) {
        if (!signal.aborted) this.#reportFailure(error)
      }
      await sleep(retryMs, undefined, { signal }).catch(() => {})
      retryMs = Math.min(retryMs * 2, this.#times.maxRetryMs)
    }
  }

  /** Subscribes, then lists. `end` settles when the connection is over, for any reason. */
  async #connect(book: ContainerBook, stop: AbortSignal): Promise<{ readonly end: Promise<void> }> {
    const { client } = this.#options
    const broken = new AbortController()
    const signal = AbortSignal.any([stop, broken.signal])
    const opening = client.openEvents(EVENTS, signal)
    // Handled below, and by the race: until then a failure must not count as unhandled.
    opening.catch(() => {})
    try {
      await Promise.race([opening, sleep(SUBSCRIBE_WAIT_MS, undefined, { signal })])
      const { version } = await readEngineVersion(client)
      this.#engine = `Docker engine ${version} at ${client.url}`
      await book.list()
      await this.#readNetworks(book)
    } catch (error) {
      broken.abort()
      throw error
    }
    this.#reportBack()
    this.#report(book)
    return { end: this.#follow({ book, opening, broken, stop }) }
  }

  /** Follows the events of a connection until it ends or a list fails. Never rejects. */
  async #follow({ book, opening, broken, stop }: Connection): Promise<void> {
    const { logger } = this.#options
    const poll = setInterval(() => {
      this.#isListDue = true
      void this.#look(book, broken)
    }, this.#times.pollMs)
    let lost = 0
    try {
      for await (const line of await opening) {
        const event = line.kind === 'value' ? readEvent(line.value) : undefined
        if (line.kind === 'lost' && ++lost > MAX_LOST_LINES) break
        if (line.kind === 'lost') this.#isListDue = true
        if (event?.kind === 'gone') book.forget(event.id)
        if (event?.kind === 'changed') this.#changed.add(event.id)
        if (event || line.kind === 'lost') this.#schedule(book, broken)
      }
    } catch (err) {
      // Engines are restarted, and proxies end idle streams: it is reported only if no new connection succeeds.
      if (!stop.aborted) logger.debug({ err }, 'the stream of Docker events ended')
    } finally {
      clearInterval(poll)
      broken.abort()
    }
  }

  #schedule(book: ContainerBook, broken: AbortController): void {
    const now = Date.now()
    this.#firstChangeAt ??= now
    clearTimeout(this.#settle)
    const { settleMs, maxSettleMs } = this.#times
    const waitMs = Math.min(settleMs, Math.max(0, this.#firstChangeAt + maxSettleMs - now))
    this.#settle = setTimeout(() => {
      this.#firstChangeAt = undefined
      void this.#look(book, broken)
    }, waitMs)
  }

  /** Reads the changes and reports them; one container that cannot be read delays the others only briefly. */
  async #look(book: ContainerBook, broken: AbortController): Promise<void> {
    const ids = [...this.#changed]
    this.#changed = new Set()
    const isListDue = this.#isListDue
    this.#isListDue = false
    try {
      const all = Promise.all([...ids.map((id) => book.refresh(id)), isListDue ? book.list() : undefined])
      const patience = new AbortController()
      const late = sleep(this.#times.patienceMs, undefined, { signal: patience.signal }).catch(() => {})
      await Promise.race([all, late])
      patience.abort()
      this.#report(book)
      await all
      if (isListDue || this.#isOwn(ids) || this.#hasNewNetwork(book)) await this.#readNetworks(book)
      this.#report(book)
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'containers could not be listed')
      broken.abort()
    }
  }

  #isOwn(ids: readonly string[]): boolean {
    return this.#traces.isContained && ids.some((id) => this.#traces.ids.some((own) => id.startsWith(own)))
  }

  /** Reads which networks are internal, and their drivers. Without networks there is no query. */
  async #readNetworks(book: ContainerBook): Promise<void> {
    const names = namesOfNetworks(book)
    if (names.size === 0) return
    this.#queriedNetworks = names
    try {
      const networks = readNetworks(await this.#options.client.get('/networks'))
      if (JSON.stringify([...networks]) !== JSON.stringify([...this.#networks]))
        this.#reportedVersion = undefined
      this.#networks = networks
    } catch (error) {
      // Socket proxies may hide networks: then all count as reachable, and those with a gateway as leading to the host.
      this.#options.logger.debug({ err: error }, 'the networks of Docker could not be read')
    }
  }

  #hasNewNetwork(book: ContainerBook): boolean {
    return [...namesOfNetworks(book)].some((name) => !this.#queriedNetworks.has(name))
  }

  #findOwn(book: ContainerBook): ContainerFacts | undefined {
    return findOwnContainer(this.#traces, book.containers, this.#options.containerLabel)
  }

  #report(book: ContainerBook): void {
    if (this.#stop.signal.aborted || this.#reportedVersion === book.version) return
    this.#reportedVersion = book.version
    // Its own VIRTUAL_HOST is the registry's name, not a host to send requests to.
    const others = book.containers.filter(({ id }) => !this.#isOwn([id]))
    this.#options.onContainers(others, toOwnPlace(this.#findOwn(book), this.#networks))
  }

  #reportBack(): void {
    const { logger, onState } = this.#options
    if (this.#failure !== undefined) logger.info(`${this.#engine} answers`)
    this.#failure = undefined
    onState(`The ${this.#engine} is watched`)
  }

  /** Logs a failure once for each kind: the engine may be away for long. */
  #reportFailure(error: unknown): void {
    const { logger, onState } = this.#options
    const { message, remedy, code } =
      error instanceof DockerError
        ? error
        : new DockerError('DOCKER_GONE', this.#options.client.url, String(error), error)
    if (this.#failure === code) return
    this.#failure = code
    onState(`${message}. ${remedy}`)
    const rest =
      this.#reportedVersion === undefined
        ? 'containers are not watched'
        : 'what was known of containers stays'
    logger.warn({ err: error, remedy }, `${rest}: ${message}`)
  }
}

interface Connection {
  readonly book: ContainerBook
  readonly opening: ReturnType<DockerClient['openEvents']>
  /** Aborted when this connection is over. */
  readonly broken: AbortController
  /** Aborted when the watch is. */
  readonly stop: AbortSignal
}

/** Names of the networks that containers are in. */
function namesOfNetworks(book: ContainerBook): Set<string> {
  return new Set(book.containers.flatMap(({ networks }) => networks.map(({ name }) => name)))
}
