import { OciError } from '../../oci/errors.ts'
import { type Manifest, parseManifest } from '../../oci/manifest.ts'
import { MEDIA_TYPES } from '../../oci/media-type.ts'

/**
 * The facts of a manifest whose type no header states; a text says why it is none. Without a type of its own it is one of OCI, whose first
 * version needed none: then its members decide, as with Distribution.
 */
export function readStoredManifest(bytes: Buffer): Manifest | string {
  try {
    return parseManifest(bytes, guessType(bytes))
  } catch (error) {
    if (error instanceof OciError) return error.message
    throw error
  }
}

function guessType(bytes: Buffer): string | undefined {
  let document: unknown
  try {
    document = JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
  if (typeof document !== 'object' || document === null || !('schemaVersion' in document)) return undefined
  if (document.schemaVersion !== 2 || ('mediaType' in document && document.mediaType)) return undefined
  return 'manifests' in document ? MEDIA_TYPES.ociIndex : MEDIA_TYPES.ociManifest
}
