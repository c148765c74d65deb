import type { LinkReader, TreePart } from '../../blobs/link-tree.ts'
import type { AdoptFacts } from '../../metadata/adopt-facts.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'

/** Dependencies of a second look at a tree. */
interface SecondLook {
  readonly reader: LinkReader
  readonly facts: Pick<AdoptFacts, 'findKnownBlobs' | 'findKnownManifests'>
  /** In ms since 1970. */
  readonly since: number
}

/**
 * Reads what was written to a tree since it was taken over, in the order of `LinkTree.readAll()`. Nearly all of it is known: so the
 * names of the links are compared with the facts, and only those that are new are read.
 */
export async function* lookAgain({ reader, facts, since }: SecondLook): AsyncGenerator<TreePart> {
  for await (const name of reader.listRepositories()) {
    if (typeof name !== 'string') continue
    yield { kind: 'repository', name }
    yield* readNew('blobs', name, { reader, since, findKnown: facts.findKnownBlobs })
    yield* readNew('manifests', name, { reader, since, findKnown: facts.findKnownManifests })
    for await (const batch of reader.listTags(name, { since })) yield { kind: 'tags', ...batch }
  }
}

async function* readNew(
  kind: 'blobs' | 'manifests',
  name: RepositoryName,
  { reader, since, findKnown }: Pick<SecondLook, 'reader' | 'since'> & { findKnown: FindKnown },
): AsyncGenerator<TreePart> {
  for await (const names of reader.listNames(name, kind, { since })) {
    const digests = names as readonly Digest[]
    const known = await findKnown(name, digests)
    const unknown = digests.filter((digest) => !known.has(digest))
    if (unknown.length > 0) yield { kind, found: await reader.readLinks(name, kind, unknown), oddities: [] }
  }
}

type FindKnown = AdoptFacts['findKnownBlobs']
