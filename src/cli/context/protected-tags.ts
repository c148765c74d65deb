import type { OpenData } from '../../app/data/open-data.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { findImmutableTags } from '../../policies/immutable-tags.ts'

/** Tags whose manifests are looked up at once. */
const BATCH = 1_000

/** Why a tag may not be deleted, for people. */
interface Protection {
  readonly why: string
  /** Set if a policy makes it immutable: it may not be moved either. */
  readonly immutable: string | undefined
}

/** Those of the tags that a policy or a pin protects, by name. */
export async function findProtection(
  data: OpenData,
  repository: RepositoryName,
  tags: readonly { readonly name: Tag; readonly digest: Digest }[],
): Promise<Map<Tag, Protection>> {
  const immutable = findImmutableTags((await data.policies.read()).document, repository)
  const found = new Map<Tag, Protection>()
  for (let at = 0; at < tags.length; at += BATCH) {
    const page = tags.slice(at, at + BATCH)
    const inUse = await data.inUse.describe(repository, [...new Set(page.map(({ digest }) => digest))])
    for (const { name, digest } of page) {
      const pattern = immutable?.findPattern(name)
      const use = inUse.get(digest)
      if (pattern !== undefined) {
        const why = `immutable: ${pattern}`
        found.set(name, { why, immutable: why })
      } else if (use?.isPinned) found.set(name, { why: use.why, immutable: undefined })
    }
  }
  return found
}
