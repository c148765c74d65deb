import type { Metadata } from '../../metadata/metadata.ts'
import type { RetentionEntry, RetentionFacts, RetentionTotals } from '../../metadata/retention-facts.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { findRetention } from '../../policies/find-retention.ts'
import { findImmutableTags } from '../../policies/immutable-tags.ts'
import { matchesRepository } from '../../policies/patterns/repository-pattern.ts'
import type { PolicyDocument } from '../../policies/policy-document.ts'
import type { RetentionAspect } from '../../policies/retention/retention-rules.ts'
import { type RepositoryOutcome, retainRepository, type UntaggedRemoval } from './retain-repository.ts'

/** Repositories read at once. */
const PAGE = 500
/** Entries of one run that are kept for its log. */
const MAX_ENTRIES = 1_000
/** Failures one after the other that end a run: the cause is no repository. */
const MAX_FAILED_IN_TURN = 5

/** Dependencies of a run. */
export interface RunParts {
  readonly facts: RetentionFacts
  readonly metadata: Pick<Metadata, 'listRepositories'>
  /** The policies, read again for each repository: they may change while it runs. */
  readonly readDocument: () => Promise<PolicyDocument>
  /** Pattern of the repositories to go through; undefined: all. */
  readonly pattern?: string | undefined
  /** Undefined: no images may be removed at the moment. */
  readonly untagged: UntaggedRemoval | undefined
  readonly signal?: AbortSignal | undefined
  /** Waits some milliseconds between two transactions; by default as long as they take. */
  readonly rest?: ((ms: number) => Promise<unknown>) | undefined
  /** Called before each repository; false ends the run. */
  readonly mayGoOn?: (() => Promise<boolean>) | undefined
  /** Called after each repository that was gone through. */
  readonly onRepository?: ((repository: RepositoryName, outcome: RepositoryOutcome) => void) | undefined
  /** Called with each failure, of a repository or, without one, of the whole run. */
  readonly onFailure?: ((repository: RepositoryName | undefined, error: unknown) => void) | undefined
}

/** A repository with its rules. */
export interface RuledRepository {
  readonly repository: RepositoryName
  readonly aspect: RetentionAspect
  readonly findImmutable: (tag: string) => string | undefined
}

/** Repositories with rules, or with images that have labels, by name. */
export async function* findRuledRepositories({
  facts,
  metadata,
  readDocument,
  pattern,
}: Pick<RunParts, 'facts' | 'metadata' | 'readDocument' | 'pattern'>): AsyncGenerator<RuledRepository> {
  let last: string | undefined
  for (;;) {
    const names = await metadata.listRepositories('all', { limit: PAGE, last })
    for (const name of names) {
      if (pattern !== undefined && !matchesRepository(pattern, name)) continue
      const ruled = toRuled(await readDocument(), name)
      const hasWork = ruled.aspect.rules.length > 0 || ruled.aspect['untagged-after'] !== undefined
      if (hasWork || (ruled.aspect.labels !== false && (await facts.hasLabels(name)))) yield ruled
    }
    last = names.at(-1)
    if (names.length < PAGE) return
  }
}

function toRuled(document: PolicyDocument, repository: RepositoryName): RuledRepository {
  const aspect = findRetention(document, repository)
  const immutable = findImmutableTags(document, repository)
  return { repository, aspect, findImmutable: (tag) => immutable?.findPattern(tag) }
}

/** A run, for its log. */
export interface RunResult {
  readonly totals: RetentionTotals
  readonly entries: readonly RetentionEntry[]
}

/**
 * Goes through all repositories once, and returns what was done, also if it was stopped or failed: then with the first
 * problem. A repository that fails does not stop the others.
 */
export async function runRetention(parts: RunParts): Promise<RunResult> {
  const { facts, untagged, signal, rest, mayGoOn, onRepository, onFailure } = parts
  const tally = new Tally()
  let failedInTurn = 0
  try {
    for await (const ruled of findRuledRepositories(parts)) {
      const { repository } = ruled
      if (signal?.aborted || (mayGoOn && !(await mayGoOn()))) {
        tally.note(`it ended before ${repository}: it was stopped, or the registry is read-only`)
        break
      }
      const readAspect = async () => findRetention(await parts.readDocument(), repository)
      const outcome = await retainRepository({ ...ruled, readAspect, facts, untagged, signal, rest })
      tally.add(repository, outcome)
      onRepository?.(repository, outcome)
      if (outcome.failure !== undefined) tally.note(`${repository}: ${describeFailure(outcome.failure)}`)
      if (outcome.failure === undefined || outcome.isOutdated) {
        failedInTurn = 0
        continue
      }
      if (!signal?.aborted) onFailure?.(repository, outcome.failure)
      if (++failedInTurn >= MAX_FAILED_IN_TURN) break
    }
  } catch (error) {
    onFailure?.(undefined, error)
    tally.note(describeFailure(error))
  }
  return tally.result()
}

function describeFailure(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Sums up what was done. */
class Tally {
  readonly #entries: RetentionEntry[] = []
  #repositories = 0
  #tagsSeen = 0
  #tagsEnded = 0
  #imagesRemoved = 0
  #problem: string | undefined

  add(repository: RepositoryName, { tagsSeen, ended, imagesRemoved }: RepositoryOutcome): void {
    this.#repositories++
    this.#tagsSeen += tagsSeen
    this.#imagesRemoved += imagesRemoved
    for (const [rule, tags] of ended) {
      this.#tagsEnded += tags
      if (this.#entries.length < MAX_ENTRIES) this.#entries.push({ repository, rule, tags })
    }
  }

  /** Notes a problem; the first one counts. */
  note(problem: string): void {
    this.#problem ??= problem
  }

  result(): RunResult {
    const totals = {
      repositories: this.#repositories,
      tagsSeen: this.#tagsSeen,
      tagsEnded: this.#tagsEnded,
      imagesRemoved: this.#imagesRemoved,
      problem: this.#problem,
    }
    return { totals, entries: this.#entries }
  }
}
