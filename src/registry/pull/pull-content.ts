import type { BlobReader } from '../../blobs/blob-store.ts'
import type { BlobFacts, ManifestFacts, StoredManifest } from '../../metadata/metadata.ts'
import type { ByteRange } from '../../oci/byte-range.ts'
import type { Digest } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import type { Reference } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ChunkSink } from '../../stream/chunk-sink.ts'
import type { BlobPresence } from '../presence/blob-presence.ts'
import type { ManifestUses } from './manifest-uses.ts'

/** A blob of a repository, as {@link PullContent.statBlob} has found it. */
interface FoundBlob {
  readonly repository: RepositoryName
  readonly digest: Digest
  /** Length in bytes. */
  readonly size: number
}

/** Reading blobs and manifests. */
export interface PullContent {
  /**
   * Size of a blob of this repository. `isReliedOn`: the client may leave out sending it, and name it in a manifest
   * later; the repository keeps it for a while. Errors: `BLOB_UNKNOWN`, also if its bytes are damaged or lost.
   */
  statBlob(
    repository: RepositoryName,
    digest: Digest,
    options?: { readonly isReliedOn?: boolean },
  ): Promise<{ readonly size: number }>
  /** Sends spans of a blob that {@link statBlob} has found. Errors: those of the sink, `BLOB_UNKNOWN`, `UNAVAILABLE`. */
  sendBlob(blob: FoundBlob, ranges: readonly ByteRange[], sink: ChunkSink): Promise<void>
  /** Errors: `MANIFEST_UNKNOWN`. */
  getManifest(repository: RepositoryName, reference: Reference): Promise<StoredManifest>
}

/** For a blob that the repository holds, and whose bytes are not those of its digest. */
const DAMAGED =
  'The stored copy of this blob is damaged or missing: push an image that has it again, or ask the operator to repair it'

/** Creates the use-cases of pulling. */
export function createPullContent({
  blobs,
  metadata,
  presence,
  uses,
}: {
  blobs: Pick<BlobReader, 'send'>
  metadata: Pick<BlobFacts & ManifestFacts, 'findBlob' | 'isQuarantined' | 'relyOnBlob' | 'findManifest'>
  presence: BlobPresence
  uses: ManifestUses
}): PullContent {
  return {
    async statBlob(repository, digest, { isReliedOn = false } = {}) {
      const find = () => metadata.findBlob(repository, digest)
      // If it cannot be recorded, as on a full disk, the answer is true all the same.
      const blob = isReliedOn ? await metadata.relyOnBlob(repository, digest).catch(find) : await find()
      if (blob && (await presence.isWhole({ digest, size: blob.size }))) return blob
      // HEAD is answered without a body: no reason need be found for it.
      const isDamaged = !isReliedOn && (blob || (await metadata.isQuarantined(repository, digest)))
      throw new OciError('BLOB_UNKNOWN', { ...(isDamaged && { message: DAMAGED }), detail: { digest } })
    },
    async sendBlob(blob, ranges, sink) {
      try {
        await blobs.send(blob.digest, ranges, sink)
      } catch (error) {
        if (error instanceof OciError && error.code === 'BLOB_UNKNOWN') await presence.reportUnreadable(blob)
        throw error
      }
    },
    async getManifest(repository, reference) {
      const manifest = await metadata.findManifest(repository, reference)
      if (!manifest) throw new OciError('MANIFEST_UNKNOWN', { detail: { reference } })
      await uses.note({ repository, digest: manifest.digest, isQueued: manifest.isQueued })
      return manifest
    },
  }
}
