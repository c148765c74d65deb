import type { RepositoryName } from '../oci/repository-name.ts'
import { decideAspect } from './decide-aspect.ts'
import { findTagPattern } from './patterns/tag-patterns.ts'
import type { PolicyDocument } from './policy-document.ts'

/** Immutability of the tags of one repository. */
export interface ImmutableTags {
  /** The pattern of repositories by which its policy was found. */
  readonly repositories: string
  /** The pattern that makes a tag immutable; undefined: the tag may be changed. */
  findPattern(tag: string): string | undefined
}

/** The tags of a repository that are immutable; undefined if all may be changed. */
export function findImmutableTags(
  document: PolicyDocument,
  repository: RepositoryName,
): ImmutableTags | undefined {
  const decided = decideAspect(document, repository, 'immutable')
  if (!decided || decided.value.length === 0) return undefined
  return {
    repositories: decided.pattern,
    findPattern: (tag) => findTagPattern(decided.value, tag),
  }
}
