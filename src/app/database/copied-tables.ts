import type { CopiedTable } from '../../database/copy/copied-table.ts'

/** All tables of one Berth, each after those that its rows refer to. */
export const COPIED_TABLES: readonly CopiedTable[] = [
  { name: 'settings', key: ['name'] },
  { name: 'token_keys', key: ['kid'] },
  { name: 'users', key: ['id'], hasIdentity: true },
  { name: 'retired_names', key: ['name'] },
  { name: 'login_places', key: ['place'] },
  { name: 'refresh_tokens', key: ['hash'] },
  { name: 'spent_refresh_tokens', key: ['hash'] },
  { name: 'repositories', key: ['id'], hasIdentity: true },
  { name: 'blobs', key: ['digest'] },
  { name: 'repository_blobs', key: ['repository_id', 'digest'] },
  { name: 'manifests', key: ['repository_id', 'digest'], weight: 'size' },
  { name: 'manifest_references', key: ['repository_id', 'manifest_digest', 'kind', 'digest'] },
  { name: 'tags', key: ['repository_id', 'name'] },
  { name: 'tag_history', key: ['id'], hasIdentity: true },
  { name: 'uploads', key: ['id'] },
  { name: 'manifest_uses', key: ['repository_id', 'digest'] },
  { name: 'trashed_manifests', key: ['repository_id', 'digest'], weight: 'size' },
  { name: 'trashed_references', key: ['repository_id', 'manifest_digest', 'kind', 'digest'] },
  { name: 'blob_claims', key: ['digest'] },
  { name: 'blob_removals', key: ['digest'] },
  { name: 'collection_rounds', key: ['id'] },
  { name: 'policies', key: ['id'] },
  { name: 'collection_queue', key: ['kind', 'repository_id', 'digest'] },
]
