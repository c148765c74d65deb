import { join } from 'node:path'

/** Path of a blob's bytes below a data folder, or below a backup of one. */
export function blobFile(root: string, digest: string): string {
  const hex = digest.slice('sha256:'.length)
  return join(root, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data')
}
