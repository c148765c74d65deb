import { type ContainerFacts, readContainer } from './container-facts.ts'
import type { DockerClient } from './docker-client.ts'
import { DockerError } from './docker-error.ts'

/** Containers asked about at once: quick on one core, and no burden on an engine that is starting others. */
const INSPECTS_AT_ONCE = 8
/** Containers looked at; more than one engine runs. */
const MAX_CONTAINERS = 10_000

interface Entry {
  /** undefined: it declares no host, and cannot begin to, since a container's environment never changes. */
  readonly facts: ContainerFacts | undefined
  /** `facts` as text, to tell a change. */
  readonly text: string
  /** How the list showed it when it was last looked at; undefined: look again. */
  readonly summary: string | undefined
}

/** How the book is kept. */
export interface ContainerBookOptions {
  readonly client: DockerClient
  /** Label of containers that are kept whether or not they declare a host. */
  readonly containerLabel: string
  /** Beginnings of ids that are kept all the same. */
  readonly ownIds: readonly string[]
  /** Told of a container that could not be read; it is as it was. */
  readonly onFailure: (id: string, error: unknown) => void
}

/** What is known of the containers of an engine. Only those are asked about again that something happened to. */
export class ContainerBook {
  readonly #options: ContainerBookOptions
  readonly #entries = new Map<string, Entry>()
  /** Inspections under way; `isStale`: something happened meanwhile, so that it must be done again. */
  readonly #underWay = new Map<string, { isStale: boolean; readonly done: Promise<void> }>()
  readonly #waiting: (() => void)[] = []
  #free = INSPECTS_AT_ONCE
  #version = 0

  constructor(options: ContainerBookOptions) {
    this.#options = options
  }

  /** Goes up with each change to {@link containers}. */
  get version(): number {
    return this.#version
  }

  /** Those that declare a host, or are Berth's own; in the order they were found. */
  get containers(): ContainerFacts[] {
    return [...this.#entries.values()].map(({ facts }) => facts).filter((facts) => facts !== undefined)
  }

  /** All there are. */
  get size(): number {
    return this.#entries.size
  }

  /** Lists all containers and looks at those that are new or look different. Errors: {@link DockerError}. */
  async list(): Promise<void> {
    // One that was found while the list was on its way may be missing in it.
    const before = new Set(this.#entries.keys())
    const summaries = readList(await this.#options.client.get('/containers/json?all=1'))
    for (const id of before) if (!summaries.has(id)) this.#forget(id)
    const changed = [...summaries].filter(([id, summary]) => {
      const entry = this.#entries.get(id)
      return !entry || (entry.facts !== undefined && entry.summary !== summary)
    })
    await Promise.all(changed.map(([id, summary]) => this.#look(id, summary)))
  }

  /** Looks at a container that something happened to. Never rejects. */
  refresh(id: string): Promise<void> {
    const entry = this.#entries.get(id)
    return entry && entry.facts === undefined ? Promise.resolve() : this.#look(id, undefined)
  }

  /** A container is gone. One that is being looked at is looked at again: its answer may be older than this. */
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
    // What was worked out of facts is kept by their identity.
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

/** By id, what of the list changes when the container does. */
function readList(list: unknown): Map<string, string> {
  const entries = Array.isArray(list) ? (list as unknown[]) : []
  return new Map(
    entries
      .filter((entry): entry is ListEntry => typeof (entry as ListEntry | null)?.Id === 'string')
      .slice(0, MAX_CONTAINERS)
      .map((entry) => [entry.Id, summaryOf(entry)]),
  )
}

interface ListEntry {
  readonly Id: string
  readonly Names?: unknown
  readonly State?: unknown
  readonly Status?: unknown
  readonly NetworkSettings?: { readonly Networks?: unknown } | null
}

function summaryOf({ Names, State, Status, NetworkSettings }: ListEntry): string {
  // The rest of the status is how long ago that was, in words that change by themselves.
  const status = String(Status).match(/\((?:\d+|healthy|unhealthy|health: starting|Paused)\)/g)
  return JSON.stringify([Names, State, status, NetworkSettings?.Networks])
}
