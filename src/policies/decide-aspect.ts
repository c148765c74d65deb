import type { RepositoryName } from '../oci/repository-name.ts'
import type { Aspects } from './aspects.ts'
import { matchesRepository } from './patterns/repository-pattern.ts'
import type { PolicyDocument } from './policy-document.ts'

/** The policy that decides an aspect for a repository. */
interface DecidedAspect<A extends keyof Aspects> {
  /** Its place in the document, counted from 0. */
  readonly index: number
  /** The first of its patterns that names the repository. */
  readonly pattern: string
  readonly value: NonNullable<Aspects[A]>
}

/** The first policy that names the repository and has the aspect; undefined if there is none. */
export function decideAspect<A extends keyof Aspects>(
  { policies }: PolicyDocument,
  repository: RepositoryName,
  aspect: A,
): DecidedAspect<A> | undefined {
  for (const [index, policy] of policies.entries()) {
    const value = policy[aspect]
    if (value === undefined) continue
    const pattern = policy.repositories.find((one) => matchesRepository(one, repository))
    if (pattern !== undefined) return { index, pattern, value: value as NonNullable<Aspects[A]> }
  }
  return undefined
}
