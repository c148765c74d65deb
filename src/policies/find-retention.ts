import type { RepositoryName } from '../oci/repository-name.ts'
import { decideAspect } from './decide-aspect.ts'
import type { PolicyDocument } from './policy-document.ts'
import type { RetentionAspect } from './retention/retention-rules.ts'

/** Retention of repositories whose policy has no rules: labels of images count. */
const LABELS_ONLY: RetentionAspect = { rules: [] }

/** The retention of a repository. */
export function findRetention(document: PolicyDocument, repository: RepositoryName): RetentionAspect {
  return decideAspect(document, repository, 'retention')?.value ?? LABELS_ONLY
}

/** True if both have the same rules, though they were read at different times. */
export function isSameRetention(one: RetentionAspect, other: RetentionAspect): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}
