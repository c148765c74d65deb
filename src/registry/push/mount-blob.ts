import type { BlobFacts, RepositoryFilter } from '../../metadata/metadata.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { BlobPresence } from '../presence/blob-presence.ts'

/** Sharing a blob between repositories without sending it. */
export interface MountBlob {
  /**
   * Links a blob into the repository if some repository inside `readable` holds it, `from` first; false if none does,
   * or if its bytes are lost. Nothing outside `readable` is read, so the answer reveals nothing about other
   * repositories (CVE-2024-39897).
   */
  mountBlob(mount: {
    repository: RepositoryName
    digest: Digest
    from: RepositoryName | undefined
    readable: RepositoryFilter
  }): Promise<boolean>
}

/** Creates the use-case of mounting. */
export function createMountBlob({
  metadata,
  presence,
}: {
  metadata: Pick<BlobFacts, 'findHolder' | 'findBlob' | 'mountBlob'>
  presence: BlobPresence
}): MountBlob {
  return {
    async mountBlob({ repository, digest, from, readable }) {
      const holder = await metadata.findHolder(digest, readable, from)
      if (holder === undefined) return false
      const blob = await metadata.findBlob(holder, digest)
      if (!blob || !(await presence.isWhole({ digest, size: blob.size }))) return false
      return metadata.mountBlob({ from: holder, repository, digest })
    },
  }
}
