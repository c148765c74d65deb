import type { ReferrerRow } from '../../metadata/metadata.ts'
import { OciError } from '../../oci/errors.ts'
import { parseManifest } from '../../oci/manifest.ts'

/** Selection of an index's children, as rows of the referrers list. */
export interface ChildrenRequest {
  readonly bytes: Uint8Array
  readonly mediaType: string
  /** Undefined: any. */
  readonly artifactType: string | undefined
  /** Only digests after this one. */
  readonly last: string | undefined
  readonly limit: number
}

/** Children of an index by digest, at most `limit`; none if it is no index. */
export function listChildren({
  bytes,
  mediaType,
  artifactType,
  last,
  limit,
}: ChildrenRequest): ReferrerRow[] {
  try {
    return parseManifest(bytes, mediaType)
      .children.filter(
        (child) =>
          (artifactType === undefined || child.artifactType === artifactType) &&
          (last === undefined || child.digest > last),
      )
      .sort((a, b) => (a.digest < b.digest ? -1 : 1))
      .slice(0, limit)
      .map((child) => ({
        digest: child.digest,
        mediaType: child.mediaType,
        size: child.size,
        artifactType: child.artifactType,
        annotationsJson: child.annotations && JSON.stringify(child.annotations),
      }))
  } catch (error) {
    // A tag of a subject's form may point at anything; other content than an index lists nothing.
    if (error instanceof OciError) return []
    throw error
  }
}
