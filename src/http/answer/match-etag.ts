import type { Digest } from '../../oci/digest.ts'

/** True if an `If-None-Match` names the content of this digest (RFC 9110, 13.1.2: weak comparison). */
export function matchesEtag(header: string | undefined, digest: Digest): boolean {
  if (header === undefined) return false
  return header.split(',').some((entry) => {
    const tag = entry.trim().replace(/^W\//, '').replaceAll('"', '')
    return tag === '*' || tag === digest
  })
}
