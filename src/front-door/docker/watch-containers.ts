import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ContainerBook } from './container-book.ts'
import type { ContainerFacts } from './container-facts.ts'
import { type DockerClient, readEngineVersion } from './docker-client.ts'
import { DockerError } from './docker-error.ts'
import { readEvent } from './engine-event.ts'
import {
  findOwnContainer,
  findOwnTraces,
  type NetworkFacts,
  NGINX_CONTAINER_LABEL,
  type OwnPlace,
  type OwnTraces,
  placeOf,
  readNetworks,
} from './own-networks.ts'

/** What is subscribed to. `died` and `remove` are podman's words for `die` and `destroy`. */
const EVENTS = {
  type: ['container', 'network'],
  event: [
    ...['start', 'stop', 'die', 'died', 'pause', 'unpause', 'rename', 'update', 'destroy', 'remove'],
    ...['health_status', 'connect', 'disconnect'],
  ],
}

/** Times that the watch keeps, in milliseconds. */
export interface WatchTimes {
  /** Quiet time after an event before containers are looked at: a start is a handful of events. */
  readonly settleMs: number
  /** Longest time that more events can put that off. */
  readonly maxSettleMs: number
  /** Time between two lists without an event: one may be lost. */
  readonly pollMs: number
  /** Wait before a lost engine is tried again; it doubles up to the longest. */
  readonly minRetryMs: number
  readonly maxRetryMs: number
  /** Longest wait for a container that cannot be looked at before the others are told of. */
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
/** Lines that cannot be read before a stream counts as none of an engine. */
const MAX_LOST_LINES = 100

/** What is told, and to whom. */
export interface WatchContainersOptions {
  /** The watch's own: it is closed with it. */
  readonly client: DockerClient
  readonly logger: Logger
  /** Those that declare a host, stopped ones, too; after each change, and once when the first list is read. */
  readonly onContainers: (containers: readonly ContainerFacts[], place: OwnPlace) => void
  /** How it stands with the engine, a sentence. */
  readonly onState: (state: string) => void
  /** `NGINX_CONTAINER_LABEL`. */
  readonly containerLabel?: string | undefined
  /** Traces of Berth's own container; by default they are looked for. */
  readonly ownTraces?: OwnTraces | undefined
  readonly times?: Partial<WatchTimes> | undefined
  /** Ends the watch, as disposing does. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Watches the containers of an engine until it is disposed of. Events are subscribed to before the list is read, so
 * that nothing falls between. While the engine is away what was known last stays, and nothing is told.
 */
export class ContainerWatch implements AsyncDisposable {
  readonly #options: WatchContainersOptions
  readonly #times: WatchTimes
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #traces: OwnTraces = { isContained: false, ids: [] }
  #book: ContainerBook | undefined
  /** Ids to look at anew. */
  #changed = new Set<string>()
  #isListDue = false
  #settle: NodeJS.Timeout | undefined
  #firstChangeAt: number | undefined
  #toldVersion: number | undefined
  #networks: ReadonlyMap<string, NetworkFacts> = new Map()
  /** Names of networks that the engine was asked about. */
  #asked: ReadonlySet<string> = new Set()
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
        if (!signal.aborted) this.#tellFailure(error)
      }
      await sleep(retryMs, undefined, { signal }).catch(() => {})
      retryMs = Math.min(retryMs * 2, this.#times.maxRetryMs)
    }
  }

  /** Subscribes, then lists. `end` settles when the connection is over, however that came. */
  async #connect(book: ContainerBook, stop: AbortSignal): Promise<{ readonly end: Promise<void> }> {
    const { client } = this.#options
    const broken = new AbortController()
    const signal = AbortSignal.any([stop, broken.signal])
    const opening = client.openEvents(EVENTS, signal)
    // Looked at below, and by the race: until then a failure is nobody's.
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
    this.#tellBack()
    this.#tell(book)
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
      // Engines are restarted, and proxies end idle streams: it is told of only if it cannot be reached again.
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

  /** Looks at what changed, and tells of it; one container that cannot be read keeps nobody waiting for long. */
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
      this.#tell(book)
      await all
      if (isListDue || this.#isOwn(ids) || this.#hasNewNetwork(book)) await this.#readNetworks(book)
      this.#tell(book)
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'containers could not be listed')
      broken.abort()
    }
  }

  #isOwn(ids: readonly string[]): boolean {
    return this.#traces.isContained && ids.some((id) => this.#traces.ids.some((own) => id.startsWith(own)))
  }

  /** Which networks are internal, and what drives them: containers in none are asked about nothing. */
  async #readNetworks(book: ContainerBook): Promise<void> {
    const names = namesOfNetworks(book)
    if (names.size === 0) return
    this.#asked = names
    try {
      const networks = readNetworks(await this.#options.client.get('/networks'))
      if (JSON.stringify([...networks]) !== JSON.stringify([...this.#networks])) this.#toldVersion = undefined
      this.#networks = networks
    } catch (error) {
      // Socket proxies may hide networks: then all are taken to be reached, and those with a gateway to lead somewhere.
      this.#options.logger.debug({ err: error }, 'the networks of Docker could not be read')
    }
  }

  #hasNewNetwork(book: ContainerBook): boolean {
    return [...namesOfNetworks(book)].some((name) => !this.#asked.has(name))
  }

  #findOwn(book: ContainerBook): ContainerFacts | undefined {
    return findOwnContainer(this.#traces, book.containers, this.#options.containerLabel)
  }

  #tell(book: ContainerBook): void {
    if (this.#stop.signal.aborted || this.#toldVersion === book.version) return
    this.#toldVersion = book.version
    // Its own VIRTUAL_HOST is the registry's name, not a host to send requests to.
    const others = book.containers.filter(({ id }) => !this.#isOwn([id]))
    this.#options.onContainers(others, placeOf(this.#findOwn(book), this.#networks))
  }

  #tellBack(): void {
    const { logger, onState } = this.#options
    if (this.#failure !== undefined) logger.info(`${this.#engine} answers`)
    this.#failure = undefined
    onState(`The ${this.#engine} is watched`)
  }

  /** Once for each way of failing: the engine may be away for long. */
  #tellFailure(error: unknown): void {
    const { logger, onState } = this.#options
    const { message, remedy, code } =
      error instanceof DockerError
        ? error
        : new DockerError('DOCKER_GONE', this.#options.client.url, String(error), error)
    if (this.#failure === code) return
    this.#failure = code
    onState(`${message}. ${remedy}`)
    const rest =
      this.#toldVersion === undefined ? 'containers are not watched' : 'what was known of containers stays'
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
