import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { link, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import {
  makeFolder,
  ownerFor,
  PRIVATE_FILE,
  PRIVATE_FOLDER,
  syncFolder,
  syncPlace,
} from '../../../files/durable.ts'
import { algorithmOf, type Digest, toDigest } from '../../../oci/digest.ts'
import type { LinkTree, TreeState } from '../../link-tree.ts'
import { isAbsent, systemCodeOf } from '../../storage-fault.ts'
import { hasBlobs } from '../has-blobs.ts'
import { blobFolder, blobPath, leftMark, linkFolder, unsyncedMark } from '../layout.ts'
import { createReader } from './create-reader.ts'
import { FileSync } from './file-sync.ts'
import { createLinkWriter } from './link-writer.ts'
import { findSize, readManifest } from './read-content.ts'
import { findTime } from './read-link.ts'
import { readTree } from './read-tree.ts'
import { readTreeAhead } from './read-tree-ahead.ts'

const STATES: readonly TreeState[] = ['in-use', 'adopting', 'adopted', 'leaving']

/** The links below the folder `root`, in the layout of Distribution. */
export function createDiskLinkTree(
  root: string,
  { isOneThread }: { readonly isOneThread: boolean },
): LinkTree {
  const files = new FileSync(dirname(linkFolder(root, 'in-use')), () =>
    writeFile(unsyncedMark(root), '', { mode: PRIVATE_FILE }),
  )
  return {
    name: linkFolder(root, 'in-use'),
    states: async () => STATES.filter((state) => existsSync(linkFolder(root, state))),
    read: (state) => createReader(linkFolder(root, state)),
    async *readAll(state, selection) {
      const job = { root, top: linkFolder(root, state), selection }
      yield* isOneThread ? readTree(job) : readTreeAhead(job)
    },
    move: (from, to) => moveTree(linkFolder(root, from), linkFolder(root, to)),
    async write(state) {
      const top = linkFolder(root, state)
      await makeFolder(top, PRIVATE_FOLDER)
      const owner = await ownerFor(blobFolder(root))
      return createLinkWriter(top, { owner, trustsPresent: !existsSync(unsyncedMark(root)) })
    },
    // The folder of the links, not that of the blobs, which may be a disk of its own.
    async sync() {
      await files.sync()
      await rm(unsyncedMark(root), { force: true })
    },
    beginSync: () => files.begin(),
    async findLeft() {
      const time = findTime(leftMark(root))
      return time === undefined ? undefined : Math.floor(time)
    },
    async markLeft(isLeft) {
      await rm(leftMark(root), { force: true })
      if (isLeft) await writeFile(leftMark(root), '', { mode: PRIVATE_FILE, flush: true })
      await syncFolder(dirname(leftMark(root)))
    },
    hasBlobs: () => hasBlobs(root),
    sizesOf: async (digests) => digests.map((digest) => findSize(root, digest)),
    readManifests: async (digests) => digests.map((digest) => readManifest(root, digest)),
    storeUnder: (digest, target) => storeUnder(root, digest, target),
  }
}

/** A tree in the way gets a number behind its name. */
async function moveTree(from: string, to: string): Promise<string | undefined> {
  const kept = existsSync(to) ? findFreeName(to) : undefined
  if (kept !== undefined) await rename(to, kept)
  await rename(from, to)
  await syncFolder(dirname(to))
  return kept
}

function findFreeName(path: string): string {
  for (let number = 1; ; number++) {
    const free = `${path}.${number}`
    if (!existsSync(free)) return free
  }
}

/** The same file gets a second name: its bytes take no more room. */
async function storeUnder(root: string, digest: Digest, target: Digest): Promise<boolean> {
  const path = blobPath(root, digest)
  if (existsSync(path)) return true
  const source = blobPath(root, target)
  const algorithm = algorithmOf(digest)
  const hash = createHash(algorithm)
  try {
    if (!(await stat(source)).isFile()) return false
    await pipeline(createReadStream(source), hash)
    if (toDigest(algorithm, hash.digest('hex')) !== digest) return false
    await makeFolder(dirname(path), PRIVATE_FOLDER)
    await link(source, path)
    await syncPlace(path)
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return true
    if (isAbsent(error)) return false
    throw error
  }
  return true
}
