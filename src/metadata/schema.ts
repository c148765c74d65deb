import type { Generated } from 'kysely'

/**
 * The tables of metadata, one interface each. Times are milliseconds since 1970 (UTC). A row never points at bytes that
 * are not yet durable.
 */
export interface MetadataSchema {
  repositories: RepositoryTable
  blobs: BlobTable
  repository_blobs: RepositoryBlobTable
  manifests: ManifestTable
  manifest_references: ManifestReferenceTable
  tags: TagTable
  uploads: UploadTable
}

interface RepositoryTable {
  id: Generated<number>
  name: string
  created_at: number
}

/** Content in the store, once for all repositories. */
interface BlobTable {
  digest: string
  size: number
  created_at: number
}

/** The right to read a blob through a repository. */
interface RepositoryBlobTable {
  repository_id: number
  digest: string
  created_at: number
}

interface ManifestTable {
  repository_id: number
  digest: string
  media_type: string
  artifact_type: string | null
  subject: string | null
  /** JSON object of strings, for the referrers list. */
  annotations: string | null
  size: number
  /** As pushed, never made anew. */
  bytes: Uint8Array
  created_at: number
}

/** Content that a manifest names. */
interface ManifestReferenceTable {
  repository_id: number
  manifest_digest: string
  kind: 'blob' | 'child'
  digest: string
}

interface TagTable {
  repository_id: number
  name: string
  digest: string
  updated_at: number
}

/** An upload session. */
interface UploadTable {
  id: string
  repository: string
  /** Id of the account that opened it; the only one that may go on. */
  principal: string
  /** Number of durable bytes. */
  offset: number
  /** Data of the store of bytes for going on from there; only that store reads it. */
  state: string
  created_at: number
  updated_at: number
}
