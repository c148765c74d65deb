import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs'
import { algorithmOf, type Digest, hashContent } from '../../../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../../../oci/manifest.ts'
import type { OddityKind } from '../../link-tree.ts'
import { blobPath } from '../layout.ts'
import { toOddityKind } from './read-link.ts'

/** Size of a stored blob below the folder `root`, in bytes, or why there is none. */
export function findSize(root: string, digest: Digest): number | OddityKind {
  try {
    const facts = lstatSync(blobPath(root, digest), { throwIfNoEntry: false })
    if (facts?.isFile()) return facts.size
    return facts?.isSymbolicLink() ? 'symbolic-link' : 'missing-blob'
  } catch (error) {
    return toOddityKind(error) ?? 'missing-blob'
  }
}

/** Bytes of a stored manifest below the folder `root`, compared with its digest, or why there are none. */
export function readManifest(root: string, digest: Digest): Buffer | OddityKind {
  const bytes = readSmallFile(blobPath(root, digest))
  if (typeof bytes === 'string') return bytes
  return hashContent(bytes, algorithmOf(digest)) === digest ? bytes : 'damaged-manifest'
}

function readSmallFile(path: string): Buffer | OddityKind {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    return toOddityKind(error) ?? 'missing-blob'
  }
  try {
    const facts = fstatSync(file)
    if (!facts.isFile()) return 'missing-blob'
    if (facts.size > MAX_MANIFEST_BYTES) return 'large-manifest'
    const buffer = Buffer.allocUnsafeSlow(facts.size)
    let length = 0
    while (length < facts.size) {
      const count = readSync(file, buffer, length, facts.size - length, length)
      if (count === 0) break
      length += count
    }
    return buffer.subarray(0, length)
  } catch (error) {
    return toOddityKind(error) ?? 'missing-blob'
  } finally {
    closeSync(file)
  }
}
