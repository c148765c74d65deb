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

/** Takes over a small repository. */
export async function adoptRepository(
  tx: Writes,
  { name: repository, blobs, manifests, tags }: AdoptedRepository,
  { isSparseAllowed, by, policies, now }: AdoptAct,
): Promise<RepositoryOutcome> {
  const blobOutcomes = await adoptBlobs(tx, { repository, blobs, now })
  const ofManifests = new Map<string, ManifestOutcome>()
  let left = manifests
  for (let takesIncomplete = false; left.length > 0; ) {
    const rules = { takesIncomplete, isSparseAllowed }
    const outcomes = await adoptManifests(tx, { repository, manifests: left, rules, now })
    for (const [at, { digest }] of left.entries()) {
      const outcome = outcomes[at]
      if (outcome) ofManifests.set(digest, outcome)
    }
    const before = left.length
    left = left.filter((_, at) => outcomes[at]?.kind === 'lacking')
    if (takesIncomplete) break
    takesIncomplete = left.length === before
  }
  const tagOutcomes = tags.length === 0 ? [] : await adoptTags(tx, { repository, tags, by, policies, now })
  const repositoryId = await findRepositoryId(tx, repository)
  const added = manifests.filter(({ digest }) => isAdded(ofManifests.get(digest)))
  if (repositoryId !== undefined) {
    const tagged = new Set<string>(tags.map(({ digest }) => digest))
    const untagged = added.filter(({ digest }) => !tagged.has(digest)).map(({ digest }) => digest)
    const named = namedBlobs(added)
    const unnamed = blobs.filter(({ digest }, at) => blobOutcomes[at] === 'adopted' && !named.has(digest))
    const toKeys = (kind: 'manifest' | 'link', digests: readonly string[]): QueueKey[] =>
      digests.map((digest) => ({ kind, repositoryId, digest }))
    await enqueue(tx, toKeys('manifest', untagged), { since: now, reason: 'untagged' })
    const links = unnamed.map(({ digest }) => digest)
    await enqueue(tx, toKeys('link', links), { since: now, reason: 'unnamed' })
  }
  const manifestOutcomes = manifests.map(
    ({ digest }): ManifestOutcome => ofManifests.get(digest) ?? { kind: 'known' },
  )
  return { blobs: blobOutcomes, manifests: manifestOutcomes, tags: tagOutcomes }
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
