import type {
  AdoptedManifest,
  AdoptedRepository,
  ManifestOutcome,
  RepositoryOutcome,
} from '../adopt-facts.ts'
import { enqueue, type QueueKey } from '../queries/collection-queue.ts'
import { allContent } from '../queries/named-content.ts'
import type { PolicyReader } from '../queries/policies/policy-reader.ts'
import { findRepositoryId, type Writes } from '../queries/repositories.ts'
import { adoptBlobs } from './adopt-blobs.ts'
import { adoptManifests } from './adopt-manifests.ts'
import { adoptTags } from './adopt-tags.ts'

interface AdoptAct {
  readonly isSparseAllowed: boolean
  readonly by: string
  readonly policies: PolicyReader
  readonly now: number
}

/** Entries of one statement: the same number each time, so that it is prepared once. */
const SLICE = 500

/** Takes over a repository, or a part of one. */
export async function adoptRepository(
  tx: Writes,
  repository: AdoptedRepository,
  act: AdoptAct,
): Promise<RepositoryOutcome> {
  const { name, tags } = repository
  const { by, policies, now } = act
  const blobs = await inSlices(repository.blobs, (slice) =>
    adoptBlobs(tx, { repository: name, blobs: slice, now }),
  )
  const manifests = await adoptAllManifests(tx, repository, act)
  const tagOutcomes = await inSlices(tags, (slice) =>
    adoptTags(tx, { repository: name, tags: slice, by, policies, now }),
  )
  const outcome = { blobs, manifests, tags: tagOutcomes }
  if (repository.isWhole) await queueAdded(tx, repository, { outcome, now })
  return outcome
}

async function inSlices<T, R>(all: readonly T[], act: (slice: readonly T[]) => Promise<R[]>): Promise<R[]> {
  const results: R[] = []
  for (let at = 0; at < all.length; at += SLICE) results.push(...(await act(all.slice(at, at + SLICE))))
  return results
}

/** Of a whole repository those that lack content are looked at again, as long as that brings something. */
async function adoptAllManifests(
  tx: Writes,
  { name: repository, manifests, isWhole }: AdoptedRepository,
  { isSparseAllowed, now }: AdoptAct,
): Promise<ManifestOutcome[]> {
  const outcomes = new Map<string, ManifestOutcome>()
  let left = manifests
  for (let takesIncomplete = false; left.length > 0; ) {
    const rules = { takesIncomplete, isSparseAllowed }
    const found = await inSlices(left, (slice) =>
      adoptManifests(tx, { repository, manifests: slice, rules, now }),
    )
    for (const [at, { digest }] of left.entries()) {
      const outcome = found[at]
      if (outcome) outcomes.set(digest, outcome)
    }
    const before = left.length
    left = left.filter((_, at) => found[at]?.kind === 'lacking')
    if (takesIncomplete || !isWhole) break
    takesIncomplete = left.length === before
  }
  return manifests.map(({ digest }): ManifestOutcome => outcomes.get(digest) ?? { kind: 'known' })
}

/** Queues what was added and nothing in the repository names. */
async function queueAdded(
  tx: Writes,
  { name, blobs, manifests, tags }: AdoptedRepository,
  { outcome, now }: { outcome: RepositoryOutcome; now: number },
): Promise<void> {
  const repositoryId = await findRepositoryId(tx, name)
  if (repositoryId === undefined) return
  const added = manifests.filter((_, at) => isAdded(outcome.manifests[at]))
  const tagged = new Set<string>(tags.map(({ digest }) => digest))
  const untagged = added.filter(({ digest }) => !tagged.has(digest)).map(({ digest }) => digest)
  const named = namedBlobs(added)
  const unnamed = blobs.filter(({ digest }, at) => outcome.blobs[at] === 'adopted' && !named.has(digest))
  const toKeys = (kind: 'manifest' | 'link', digests: readonly string[]): QueueKey[] =>
    digests.map((digest) => ({ kind, repositoryId, digest }))
  await enqueue(tx, toKeys('manifest', untagged), { since: now, reason: 'untagged' })
  const links = unnamed.map(({ digest }) => digest)
  await enqueue(tx, toKeys('link', links), { since: now, reason: 'unnamed' })
}

function isAdded(outcome: ManifestOutcome | undefined): boolean {
  return outcome?.kind === 'adopted' || outcome?.kind === 'incomplete'
}

function namedBlobs(manifests: readonly AdoptedManifest[]): Set<string> {
  return new Set(
    manifests.flatMap(({ manifest }) => {
      const { blobs, either } = allContent(manifest)
      return [...blobs, ...either]
    }),
  )
}
