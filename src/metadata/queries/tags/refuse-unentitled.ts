import { OciError } from '../../../oci/errors.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { TagRights } from '../../metadata.ts'

/**
 * Refuses to make or move a tag without the right to. Called in the transaction that writes the tag: decided before, a
 * tag that another pusher makes meanwhile would be overwritten with the right to create (CVE-2026-31801). Errors:
 * `DENIED`.
 */
export function refuseUnentitled(
  {
    repository,
    rights,
    by,
  }: {
    readonly repository: RepositoryName
    readonly rights?: TagRights | undefined
    readonly by: string | undefined
  },
  { tag, isPresent }: { tag: string; isPresent: boolean },
): void {
  if (!rights || (isPresent ? rights.mayOverwrite : rights.mayCreate)) return
  const who = by ?? 'This account'
  throw new OciError('DENIED', {
    message: isPresent
      ? `The tag ${tag} of ${repository} exists, and ${who} has no right to overwrite tags there: push under a new tag`
      : `The tag ${tag} of ${repository} does not exist, and ${who} has no right to create tags there: push under a tag that exists`,
    detail: { reason: isPresent ? 'overwrite' : 'create', repository, tag },
  })
}
