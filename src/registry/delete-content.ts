import type { BlobFacts, ManifestFacts } from '../metadata/metadata.ts'
import type { Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { isDigestReference, type Reference } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'

/** Deleting, one content at a time: facts go at once, bytes later. */
export interface DeleteContent {
  /** Errors: `UNSUPPORTED` if deleting is off, `BLOB_UNKNOWN`, `BLOB_IN_USE`. */
  deleteBlob(repository: RepositoryName, digest: Digest): Promise<void>
  /**
   * By tag: removes that tag alone. By digest: the manifest and every tag that points at it. `by`: name of the account.
   * Errors: `UNSUPPORTED` if deleting is off, `MANIFEST_UNKNOWN`, `MANIFEST_IN_USE`.
   */
  deleteManifest(repository: RepositoryName, reference: Reference, by?: string): Promise<void>
}

/** Creates the use-cases of deleting, which refuse everything unless `isDeleteAllowed`. */
export function createDeleteContent({
  metadata,
  isDeleteAllowed,
}: {
  metadata: Pick<BlobFacts & ManifestFacts, 'unlinkBlob' | 'deleteTag' | 'deleteManifest'>
  isDeleteAllowed: boolean
}): DeleteContent {
  const refuseIfOff = (): void => {
    if (isDeleteAllowed) return
    throw new OciError('UNSUPPORTED', { message: 'Deleting is turned off in this registry' })
  }
  return {
    async deleteBlob(repository, digest) {
      refuseIfOff()
      const outcome = await metadata.unlinkBlob(repository, digest)
      if (outcome === 'unknown') throw new OciError('BLOB_UNKNOWN', { detail: { digest } })
      if (outcome === 'in-use') {
        throw new OciError('BLOB_IN_USE', {
          message: 'A manifest of this repository names the blob: delete that manifest first',
          detail: { digest },
        })
      }
    },
    async deleteManifest(repository, reference, by) {
      refuseIfOff()
      if (!isDigestReference(reference)) {
        if (await metadata.deleteTag(repository, reference, by)) return
        throw new OciError('MANIFEST_UNKNOWN', { detail: { reference } })
      }
      const outcome = await metadata.deleteManifest(repository, reference, by)
      if (outcome === 'unknown') throw new OciError('MANIFEST_UNKNOWN', { detail: { reference } })
      if (outcome === 'in-use') {
        throw new OciError('MANIFEST_IN_USE', {
          message: 'An index of this repository names the manifest: delete that index first',
          detail: { digest: reference },
        })
      }
    },
  }
}
