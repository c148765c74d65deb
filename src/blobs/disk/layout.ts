import { join } from 'node:path'
import { algorithmOf, DIGEST_ALGORITHMS, type Digest, type DigestAlgorithm, hexOf } from '../../oci/digest.ts'
import type { UploadId } from '../../oci/request.ts'
import type { TreeState } from '../link-tree.ts'

/**
 * <root>/
 *   docker/registry/v2/blobs/<algorithm>/<first two hex>/<hex>/data    in Distribution's layout
 *   docker/registry/v2/repositories/…                                  Distribution's own facts
 *   docker/registry/v2/repositories.adopting, .leaving, .adopted       the same while they are taken over, written, and after that
 *   docker/registry/v2/berth-left                                      made by `berth leave`, for its time
 *   docker/registry/v2/berth-unsynced                                  made by `berth leave` if it could not make links durable
 *   berth-uploads/<upload id>                                          bytes without a digest yet
 *   berth-uploads/put-<random>                                         a manifest on its way to its place
 *   berth-quarantine/<algorithm>-<hex>                                 bytes that did not have their digest
 */

const DISTRIBUTION_TREE = 'docker/registry/v2'

/** Folder of uploads: in the blobs' file system, so that a rename makes one a blob. */
export function uploadFolder(root: string): string {
  return join(root, 'berth-uploads')
}

/** File of an upload's bytes. */
export function uploadPath(root: string, id: UploadId): string {
  return join(uploadFolder(root), id)
}

/** Folder of bytes that did not have their digest: in the blobs' file system, so that a rename moves them there. */
function quarantineFolder(root: string): string {
  return join(root, 'berth-quarantine')
}

/** File of the bytes that were set aside for a digest. */
export function asidePath(root: string, digest: Digest): string {
  return join(quarantineFolder(root), `${algorithmOf(digest)}-${hexOf(digest)}`)
}

/** Folder of Distribution's facts about repositories, by their state. */
export function linkFolder(root: string, state: TreeState): string {
  const name = state === 'in-use' ? 'repositories' : `repositories.${state}`
  return join(root, DISTRIBUTION_TREE, name)
}

/** Empty file whose time is that of the last departure: links that are newer are Distribution's own. */
export function leftMark(root: string): string {
  return join(root, DISTRIBUTION_TREE, 'berth-left')
}

/** File that is there after links could not be made durable. */
export function unsyncedMark(root: string): string {
  return join(root, DISTRIBUTION_TREE, 'berth-unsynced')
}

/** Folder of all blobs. */
export function blobFolder(root: string): string {
  return join(root, DISTRIBUTION_TREE, 'blobs')
}

/** Folder of the blobs of one algorithm. */
export function algorithmFolder(root: string, algorithm: DigestAlgorithm): string {
  return join(blobFolder(root), algorithm)
}

/** Folders of the blobs by algorithm. */
export function algorithmFolders(root: string): string[] {
  return DIGEST_ALGORITHMS.map((algorithm) => algorithmFolder(root, algorithm))
}

/** Folders on the way to the blobs, from the outermost on, and those of the algorithms. */
export function blobFolders(root: string): string[] {
  const parts = DISTRIBUTION_TREE.split('/')
  const above = parts.map((_, depth) => join(root, ...parts.slice(0, depth + 1)))
  return [...above, blobFolder(root), ...algorithmFolders(root)]
}

/** File of a blob's bytes. The digest's grammar makes it a safe path. */
export function blobPath(root: string, digest: Digest): string {
  const hex = hexOf(digest)
  return join(algorithmFolder(root, algorithmOf(digest)), hex.slice(0, 2), hex, 'data')
}
