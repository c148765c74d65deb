import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type ContainerFacts, readContainer } from './container-facts.ts'
import type { DockerClient } from './docker-client.ts'
import { DockerError } from './docker-error.ts'
import { findOwnIds, findOwnPlace, type OwnPlace } from './own-networks.ts'

/** Quiet time after an event before containers are told of, in milliseconds: a start is a handful of events. */
const SETTLE_MS = 50
/** Longest time that events can put it off, in milliseconds. */
const MAX_SETTLE_MS = 300
/** Time between two lists without an event, in milliseconds: an event may be lost. */
const POLL_MS = 30_000
/** Waits before a lost engine is tried again, in milliseconds; the last one repeats. */
const RETRY_MS = [1_000, 2_000, 5_000, 10_000]
/** Containers asked about at once. */
const INSPECTS_AT_ONCE = 8
/** Containers looked at; more than one engine runs. */
const MAX_CONTAINERS = 10_000

const EVENTS = {
  type: ['container', 'network'],
  event: [
    ...['start', 'stop', 'die', 'pause', 'unpause', 'rename', 'update', 'destroy', 'health_status'],
    ...['connect', 'disconnect'],
  ],
}

/** What is told. */
export interface WatchContainersOptions {
  readonly client: DockerClient
  readonly logger: Logger
  /** All containers, after each change; stopped ones, too. */
  readonly onContainers: (containers: readonly ContainerFacts[], place: OwnPlace) => void
  /** How it stands with the engine, a sentence. */
  readonly onState: (state: string) => void
}

/**
 * Watches the containers of an engine until it is disposed of. Events are subscribed to before the list is read, so
 * that nothing falls between. While the engine is away what was known last stays.
 */
export class ContainerWatch implements AsyncDisposable {
  readonly #options: WatchContainersOptions
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  readonly #known = new Map<string, ContainerFacts>()
  /** Ids to look at anew. */
  #changed = new Set<string>()
  #settle: NodeJS.Timeout | undefined
  #firstChangeAt: number | undefined
  #work: Promise<void> = Promise.resolve()
  #ownIds: readonly string[] = []
  #failures = 0

  constructor(options: WatchContainersOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    clearTimeout(this.#settle)
    await this.#running
    await this.#work
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    this.#ownIds = await findOwnIds()
    while (!signal.aborted) {
      try {
        await this.#follow(signal)
      } catch (error) {
        if (signal.aborted) return
        this.#tellFailure(error)
      }
      const waitMs = RETRY_MS[Math.min(this.#failures, RETRY_MS.length) - 1] ?? RETRY_MS[0]
      await sleep(waitMs, undefined, { signal }).catch(() => {})
    }
  }

  /** Follows the events of one connection to its end. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { client, onState, logger } = this.#options
    const events = client.events(EVENTS, signal)
    // The request for events is on its way before the list is asked for.
    let next = events.next()
    next.catch(() => {})
    await this.#list()
    const poll = setInterval(() => this.#enqueue(() => this.#list()), POLL_MS)
    try {
      if (this.#failures > 0) logger.info({ url: client.url }, 'the Docker engine is back')
      this.#failures = 0
      onState(`Docker is watched at ${client.url}`)
      for (;;) {
        const { value, done } = await next
        if (done) return
        this.#note(value)
        next = events.next()
      }
    } finally {
      clearInterval(poll)
    }
  }

  /** Once for each way of failing: the engine may be away for long. */
  #tellFailure(error: unknown): void {
    const { logger, onState } = this.#options
    const message = error instanceof Error ? error.message : String(error)
    onState(`${message}. ${error instanceof DockerError ? error.remedy : ''}`)
    if (this.#failures++ === 0)
      logger.warn({ err: error }, 'containers are not watched; what was known of them stays')
  }

  #note(event: unknown): void {
    const id = containerOf(event)
    if (id === undefined) return
    this.#changed.add(id)
    const now = Date.now()
    this.#firstChangeAt ??= now
    clearTimeout(this.#settle)
    const waitMs = Math.min(SETTLE_MS, Math.max(0, this.#firstChangeAt + MAX_SETTLE_MS - now))
    this.#settle = setTimeout(() => {
      this.#firstChangeAt = undefined
      this.#enqueue(() => this.#inspectChanged())
    }, waitMs)
  }

  /** One piece of work after the other; a failure ends the connection's turn with the next list. */
  #enqueue(act: () => Promise<void>): void {
    this.#work = this.#work.then(act).catch((err: unknown) => {
      if (!this.#stop.signal.aborted) this.#options.logger.warn({ err }, 'containers could not be read')
    })
  }

  async #list(): Promise<void> {
    const { client } = this.#options
    const list = await client.get('/containers/json?all=1')
    const ids = Array.isArray(list)
      ? list
          .map(idOf)
          .filter((id) => id !== undefined)
          .slice(0, MAX_CONTAINERS)
      : []
    const present = new Set(ids)
    for (const id of this.#known.keys()) if (!present.has(id)) this.#known.delete(id)
    await this.#inspect(ids)
    this.#tell()
  }

  async #inspectChanged(): Promise<void> {
    const ids = [...this.#changed]
    this.#changed = new Set()
    await this.#inspect(ids)
    this.#tell()
  }

  async #inspect(ids: readonly string[]): Promise<void> {
    const queue = [...ids]
    const work = async (): Promise<void> => {
      for (let id = queue.shift(); id !== undefined; id = queue.shift()) await this.#inspectOne(id)
    }
    await Promise.all(Array.from({ length: Math.min(INSPECTS_AT_ONCE, ids.length) }, work))
  }

  async #inspectOne(id: string): Promise<void> {
    try {
      const container = readContainer(
        await this.#options.client.get(`/containers/${encodeURIComponent(id)}/json`),
      )
      if (container) this.#known.set(container.id, container)
    } catch (error) {
      // Removed between the event and now: 404.
      if (!(error instanceof DockerError) || error.code !== 'DOCKER_ANSWER_INVALID') throw error
      this.#known.delete(id)
    }
  }

  #tell(): void {
    if (this.#stop.signal.aborted) return
    const containers = [...this.#known.values()]
    this.#options.onContainers(containers, findOwnPlace(this.#ownIds, containers))
  }
}

/** The container that an event is about; an event of a network names the one that joins or leaves. */
function containerOf(event: unknown): string | undefined {
  if (typeof event !== 'object' || event === null) return undefined
  const { Type, Actor } = event as {
    Type?: unknown
    Actor?: { ID?: unknown; Attributes?: { container?: unknown } }
  }
  const id = Type === 'network' ? Actor?.Attributes?.container : Actor?.ID
  return typeof id === 'string' && id !== '' ? id : undefined
}

function idOf(entry: unknown): string | undefined {
  const id = typeof entry === 'object' && entry !== null ? (entry as { Id?: unknown }).Id : undefined
  return typeof id === 'string' ? id : undefined
}
