import type { DockerClient } from './engine/docker-client.ts'
import { DockerError } from './engine/docker-error.ts'
import { type ContainerFacts, readContainer } from './facts/container-facts.ts'

/** Inspections at once: quick on one core, and little load on an engine that is starting containers. */
const INSPECTS_AT_ONCE = 8
/** Most containers read; more than one engine runs. */
const MAX_CONTAINERS = 10_000

interface Entry {
  /** Undefined: it declares no host, and never will, since a container's environment never changes. */
  readonly facts: ContainerFacts | undefined
  /** `facts` as text, to detect a change. */
  readonly text: string
  /** Its entry in the list at the last inspection; undefined: inspect it again. */
  readonly summary: string | undefined
}

/** Settings and callback of the book. */
interface ContainerBookOptions {
  readonly client: DockerClient
  /** Label of containers that are kept whether or not they declare a host. */
  readonly containerLabel: string
  /** Beginnings of the ids of Berth's own container, which is kept without a host, too. */
  readonly ownIds: readonly string[]
  /** Called for a container that could not be read; its entry stays as it was. */
  readonly onFailure: (id: string, error: unknown) => void
}

/** Known facts of the containers of an engine. Only containers that had an event are inspected again. */
export class ContainerBook {
  readonly #options: ContainerBookOptions
  readonly #entries = new Map<string, Entry>()
  /** Inspections under way; `isStale`: an event came meanwhile, so that it must be repeated. */
  readonly #underWay = new Map<string, { isStale: boolean; readonly done: Promise<void> }>()
  readonly #waiting: (() => void)[] = []
  #free = INSPECTS_AT_ONCE
  #version = 0

  constructor(options: ContainerBookOptions) {
    this.#options = options
  }

  /** Grows with each change of {@link containers}. */
  get version(): number {
    return this.#version
  }

  /** Those that declare a host, or are Berth's own; in the order they were found. */
  get containers(): ContainerFacts[] {
    return [...this.#entries.values()].map(({ facts }) => facts).filter((facts) => facts !== undefined)
  }

  /** Number of all containers. */
  get size(): number {
    return this.#entries.size
  }

  /** Lists all containers and inspects those that are new or changed. Errors: {@link DockerError}. */
  async list(): Promise<void> {
    // A container that was found while the list was on its way may be missing in it.
    const before = new Set(this.#entries.keys())
    const summaries = readList(await this.#options.client.get('/containers/json?all=1'))
    for (const id of before) if (!summaries.has(id)) this.#forget(id)
    const changed = [...summaries].filter(([id, summary]) => {
      const entry = this.#entries.get(id)
      return !entry || (entry.facts !== undefined && entry.summary !== summary)
    })
    await Promise.all(changed.map(([id, summary]) => this.#look(id, summary)))
  }

  /** Inspects a container after an event. Never rejects. */
  refresh(id: string): Promise<void> {
    const entry = this.#entries.get(id)
    return entry && entry.facts === undefined ? Promise.resolve() : this.#look(id, undefined)
  }

  /** Removes a container. One under inspection is inspected again: its answer may be older than the removal. */
  forget(id: string): void {
    const running = this.#underWay.get(id)
    if (running) running.isStale = true
    this.#forget(id)
  }

  #look(id: string, summary: string | undefined): Promise<void> {
    const running = this.#underWay.get(id)
    if (running) {
      running.isStale = true
      return running.done
    }
    const work = { isStale: false, done: Promise.resolve() }
    const done = this.#lookUntilQuiet(id, summary, work).finally(() => this.#underWay.delete(id))
    this.#underWay.set(id, Object.assign(work, { done }))
    return done
  }

  async #lookUntilQuiet(id: string, summary: string | undefined, work: { isStale: boolean }): Promise<void> {
    do {
      await this.#takeTurn()
      work.isStale = false
      await this.#inspect(id, summary).finally(() => this.#endTurn())
    } while (work.isStale)
  }

  async #inspect(id: string, summary: string | undefined): Promise<void> {
    try {
      const facts = readContainer(await this.#options.client.inspect(id), this.#options.containerLabel)
      if (facts) this.#note(id, this.#isOfUse(facts) ? facts : undefined, summary)
    } catch (error) {
      if (error instanceof DockerError && error.code === 'DOCKER_NOT_FOUND') return this.#forget(id)
      const entry = this.#entries.get(id)
      if (entry) this.#entries.set(id, { ...entry, summary: undefined })
      this.#options.onFailure(id, error)
    }
  }

  #isOfUse({ id, environment, labels }: ContainerFacts): boolean {
    const { containerLabel, ownIds } = this.#options
    return (
      environment.VIRTUAL_HOST !== undefined ||
      environment.VIRTUAL_HOST_MULTIPORTS !== undefined ||
      labels[containerLabel] !== undefined ||
      ownIds.some((own) => id.startsWith(own))
    )
  }

  #note(id: string, facts: ContainerFacts | undefined, summary: string | undefined): void {
    const text = facts === undefined ? '' : JSON.stringify(facts)
    const before = this.#entries.get(id)
    if (!before && this.#entries.size >= MAX_CONTAINERS) return
    const isSame = before?.facts !== undefined && before.text === text
    if ((before?.text ?? '') !== text) this.#version++
    // Values computed from facts are kept by their identity.
    this.#entries.set(id, { facts: isSame ? before.facts : facts, text, summary })
  }

  #forget(id: string): void {
    if (this.#entries.get(id)?.facts !== undefined) this.#version++
    this.#entries.delete(id)
  }

  #takeTurn(): Promise<void> {
    if (this.#free > 0) {
      this.#free--
      return Promise.resolve()
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push(resolve)
    return promise
  }

  #endTurn(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free++
  }
}

/** By id, the parts of the list that change with the container. */
function readList(list: unknown): Map<string, string> {
  const entries = Array.isArray(list) ? (list as unknown[]) : []
  return new Map(
    entries
      .filter((entry): entry is ListEntry => typeof (entry as ListEntry | null)?.Id === 'string')
      .slice(0, MAX_CONTAINERS)
      .map((entry) => [entry.Id, formatSummary(entry)]),
  )
}

interface ListEntry {
  readonly Id: string
  readonly Names?: unknown
  readonly State?: unknown
  readonly Status?: unknown
  readonly NetworkSettings?: { readonly Networks?: unknown } | null
}

function formatSummary({ Names, State, Status, NetworkSettings }: ListEntry): string {
  // The rest of the status is a duration in words, which changes by itself.
  const status = String(Status).match(/\((?:\d+|healthy|unhealthy|health: starting|Paused)\)/g)
  return JSON.stringify([Names, State, status, NetworkSettings?.Networks])
}
