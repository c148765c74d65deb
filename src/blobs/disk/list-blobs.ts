import { opendir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DIGEST_ALGORITHMS, type Digest, type DigestAlgorithm, hexOf, isDigest } from '../../oci/digest.ts'
import type { BlobEntry, BlobPage } from '../blob-store.ts'
import { isAbsent } from '../storage-fault.ts'
import { algorithmFolder, blobPath } from './layout.ts'

/** Name of a folder of blobs: the first two digits of their digest. */
const PREFIX = /^[0-9a-f]{2}$/

/**
 * A page of the blobs below `root`, by digest. Each folder of a prefix is read anew for each page that begins in it, and
 * of its entries no more than twice the page are held. Errors: those of the system.
 */
export async function listBlobs(
  root: string,
  { after, limit }: { after?: Digest | undefined; limit: number },
): Promise<BlobPage> {
  const found: Digest[] = []
  for (const algorithm of DIGEST_ALGORITHMS) {
    for (const prefix of await listPrefixes(root, algorithm)) {
      if (found.length >= limit) break
      if (after !== undefined && isBefore(algorithm, prefix, after)) continue
      const shelf = { root, algorithm, prefix }
      found.push(...(await listFirst(shelf, { after, limit: limit - found.length })))
    }
  }
  const sizes = await Promise.all(found.map((digest) => findBlobSize(blobPath(root, digest))))
  const blobs = found.flatMap((digest, at): BlobEntry[] => {
    const size = sizes[at]
    return size === undefined ? [] : [{ digest, size }]
  })
  return { blobs, next: found.length < limit ? undefined : found.at(-1) }
}

/** Prefixes that have a folder, at most 256, in their order. */
async function listPrefixes(root: string, algorithm: DigestAlgorithm): Promise<string[]> {
  try {
    return (await readdir(algorithmFolder(root, algorithm))).filter((name) => PREFIX.test(name)).sort()
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

/** True if all digests of a prefix come before that digest. */
function isBefore(algorithm: DigestAlgorithm, prefix: string, after: Digest): boolean {
  return `${algorithm}:${prefix}` < after.slice(0, algorithm.length + 1 + prefix.length)
}

interface Shelf {
  readonly root: string
  readonly algorithm: DigestAlgorithm
  readonly prefix: string
}

/** The first digests of a prefix after `after`. The system lists them in no order. */
async function listFirst(
  { root, algorithm, prefix }: Shelf,
  { after, limit }: { after: Digest | undefined; limit: number },
): Promise<Digest[]> {
  let first: Digest[] = []
  for await (const name of namesIn(join(algorithmFolder(root, algorithm), prefix))) {
    const digest = `${algorithm}:${name}`
    if (!isDigest(digest) || !hexOf(digest).startsWith(prefix)) continue
    if (after !== undefined && digest <= after) continue
    first.push(digest)
    if (first.length >= 2 * limit) first = first.sort().slice(0, limit)
  }
  return first.sort().slice(0, limit)
}

async function* namesIn(folder: string): AsyncGenerator<string> {
  try {
    for await (const { name } of await opendir(folder)) yield name
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
}

/** Undefined if no file of a blob is there: an older version left the folder of each blob that it deleted. */
async function findBlobSize(path: string): Promise<number | undefined> {
  try {
    const facts = await stat(path)
    return facts.isFile() ? facts.size : undefined
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}
