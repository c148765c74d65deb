import type { StoredManifest } from '../metadata/metadata.ts'
import type { ByteRange } from '../oci/byte-range.ts'
import type { Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import type { Reference } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { ChunkSink } from '../stream/chunk-sink.ts'
import type { RegistryParts } from './registry.ts'

/** Reading blobs and manifests. */
export interface PullContent {
  /** Size of a blob of this repository. Errors: `BLOB_UNKNOWN`. */
  statBlob(repository: RepositoryName, digest: Digest): Promise<{ readonly size: number }>
  /** Sends part of a blob that {@link statBlob} has found. Errors: those of the sink, `BLOB_UNKNOWN`. */
  sendBlob(digest: Digest, range: ByteRange, sink: ChunkSink): Promise<void>
  /** Errors: `MANIFEST_UNKNOWN`. */
  getManifest(repository: RepositoryName, reference: Reference): Promise<StoredManifest>
}

/** Creates the use-cases of pulling. */
export function createPullContent({ blobs, metadata }: RegistryParts): PullContent {
  return {
    async statBlob(repository, digest) {
      const blob = await metadata.findBlob(repository, digest)
      if (!blob) throw new OciError('BLOB_UNKNOWN', { detail: { digest } })
      return blob
    },
    sendBlob: (digest, range, sink) => blobs.send(digest, range, sink),
    async getManifest(repository, reference) {
      const manifest = await metadata.findManifest(repository, reference)
      if (manifest) return manifest
      throw new OciError('MANIFEST_UNKNOWN', { detail: { reference } })
    },
  }
}
