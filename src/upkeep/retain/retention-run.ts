import type { Metadata } from '../../metadata/metadata.ts'
import type { RetentionEntry, RetentionFacts, RetentionTotals } from '../../metadata/retention-facts.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { decideAspect } from '../../policies/decide-aspect.ts'
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

/** Retention of repositories whose policy has no rules: labels of images count. */
const LABELS_ONLY: RetentionAspect = { rules: [] }

/** Dependencies of a run. */
export interface RunParts {
  readonly facts: RetentionFacts
  readonly metadata: Pick<Metadata, 'listRepositories'>
  /** The policies, read again now and then: they may change while it runs. */
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
  readonly onFailure?: ((repository: RepositoryName, error: unknown) => void) | undefined
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
    const document = await readDocument()
    const names = await metadata.listRepositories('all', { limit: PAGE, last })
    for (const name of names) {
      if (pattern !== undefined && !matchesRepository(pattern, name)) continue
      const ruled = toRuled(document, name)
      const hasWork = ruled.aspect.rules.length > 0 || ruled.aspect['untagged-after'] !== undefined
      if (hasWork || (ruled.aspect.labels !== false && (await facts.hasLabels(name)))) yield ruled
    }
    last = names.at(-1)
    if (names.length < PAGE) return
  }
}

function toRuled(document: PolicyDocument, repository: RepositoryName): RuledRepository {
  const aspect = decideAspect(document, repository, 'retention')?.value ?? LABELS_ONLY
  const immutable = findImmutableTags(document, repository)
  return { repository, aspect, findImmutable: (tag) => immutable?.findPattern(tag) }
}

/**
 * Goes through all repositories once, and returns what was done. A repository that fails does not stop the others; the
 * first failure is the problem of the run. Errors: the reason of the signal.
 */
export async function runRetention(
  parts: RunParts,
): Promise<{ totals: RetentionTotals; entries: RetentionEntry[] }> {
  const { facts, untagged, signal, rest, mayGoOn, onRepository, onFailure } = parts
  const entries: RetentionEntry[] = []
  const totals = {
    repositories: 0,
    tagsSeen: 0,
    tagsEnded: 0,
    imagesRemoved: 0,
    problem: undefined as string | undefined,
  }
  let failedInTurn = 0
  for await (const ruled of findRuledRepositories(parts)) {
    const { repository } = ruled
    signal?.throwIfAborted()
    if (mayGoOn && !(await mayGoOn())) {
      totals.problem ??= `it ended before ${repository}: another process has taken over, or the registry is read-only`
      break
    }
    try {
      const outcome = await retainRepository({ ...ruled, facts, untagged, signal, rest })
      failedInTurn = 0
      totals.repositories++
      totals.tagsSeen += outcome.tagsSeen
      totals.imagesRemoved += outcome.imagesRemoved
      for (const [rule, tags] of outcome.ended) {
        totals.tagsEnded += tags
        if (entries.length < MAX_ENTRIES) entries.push({ repository, rule, tags })
      }
      onRepository?.(repository, outcome)
    } catch (error) {
      signal?.throwIfAborted()
      onFailure?.(repository, error)
      totals.problem ??= `${repository}: ${error instanceof Error ? error.message : String(error)}`
      if (++failedInTurn >= MAX_FAILED_IN_TURN) break
    }
  }
  return { totals, entries }
}
