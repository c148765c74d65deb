import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { BlobFacts } from '../../metadata/metadata.ts'
import type { ScrubFacts, ScrubItem } from '../../metadata/scrub-facts.ts'
import { algorithmOf, type Digest, hashContent } from '../../oci/digest.ts'
import { parseRepositoryName, type RepositoryName } from '../../oci/repository-name.ts'
import type { UploadId } from '../../oci/request.ts'
import { claimDigest } from '../../registry/push/claim-digest.ts'
import { atLeastSpeed, LEAST_SPEED, type LeastSpeed } from './least-speed.ts'

/** Content listed at once. */
const PAGE = 50
/** Repositories in which one content is looked for at the other registry. */
const MAX_REPOSITORIES = 20

/** Another registry that may hold the same content. */
export interface RepairSource {
  /** The bytes of a blob, which are not trusted. */
  pullBlob(repository: RepositoryName, digest: Digest, signal: AbortSignal): AsyncIterable<Uint8Array>
  /** The bytes of a manifest, which are not trusted. */
  pullManifest(repository: RepositoryName, digest: Digest, signal: AbortSignal): Promise<Uint8Array>
}

/** Result for one content. */
export interface RepairResult {
  readonly digest: Digest
  /** Repository of the other registry that had it; undefined: none. */
  readonly from: RepositoryName | undefined
  /** The last failure, if none had it. */
  readonly error: unknown
}

/** Dependencies of repairing. */
interface RepairParts {
  readonly blobs: Pick<BlobStore, 'beginUpload' | 'append' | 'commit' | 'discard' | 'put'>
  readonly facts: Pick<ScrubFacts, 'listContent' | 'listHolders' | 'release' | 'replaceManifestBytes'>
  readonly metadata: Pick<BlobFacts, 'claimBlob'>
  readonly source: RepairSource
  /** By default {@link LEAST_SPEED}. */
  readonly leastSpeed?: LeastSpeed
}

/**
 * Fetches all content in quarantine from the repositories of the same names at another registry. Bytes count only if
 * they have the digest. Errors: those of the store and the facts; a failure of the other registry is a result.
 */
export async function* repair(parts: RepairParts): AsyncGenerator<RepairResult> {
  let after: Digest | undefined
  for (;;) {
    const page = await parts.facts.listContent({ after, limit: PAGE, isQuarantined: true })
    for (const item of page) {
      after = item.digest
      yield await repairOne(item, parts)
    }
    if (page.length < PAGE) return
  }
}

async function repairOne(item: ScrubItem, parts: RepairParts): Promise<RepairResult> {
  const { digest } = item
  let error: unknown = new Error('no repository holds it')
  for (const name of await parts.facts.listHolders(digest, MAX_REPOSITORIES)) {
    const repository = parseRepositoryName(name)
    try {
      const size = item.isManifest
        ? await fetchManifest(repository, digest, parts)
        : await fetchBlob(repository, item, parts)
      await parts.facts.release(digest, { size, how: 'fetched' })
      return { digest, from: repository, error: undefined }
    } catch (failure) {
      error = failure
    }
  }
  return { digest, from: undefined, error }
}

async function fetchManifest(
  repository: RepositoryName,
  digest: Digest,
  parts: RepairParts,
): Promise<number> {
  const { blobs, facts, metadata, source, leastSpeed = LEAST_SPEED } = parts
  const pull = async function* (signal: AbortSignal): AsyncGenerator<Uint8Array> {
    yield await source.pullManifest(repository, digest, signal)
  }
  // A manifest comes as one piece, so that its time is that of the first bytes of a blob.
  const pieces: Uint8Array[] = []
  for await (const piece of atLeastSpeed(pull, leastSpeed)) pieces.push(piece)
  const bytes = Buffer.concat(pieces)
  if (hashContent(bytes, algorithmOf(digest)) !== digest) throw wrongBytes()
  await claimDigest(metadata, digest)
  await blobs.put(digest, bytes)
  await facts.replaceManifestBytes(digest, bytes)
  return bytes.length
}

async function fetchBlob(
  repository: RepositoryName,
  { digest, size }: ScrubItem,
  { blobs, metadata, source, leastSpeed = LEAST_SPEED }: RepairParts,
): Promise<number> {
  const id = `repair-${randomBytes(12).toString('hex')}` as UploadId
  const pull = (signal: AbortSignal) => source.pullBlob(repository, digest, signal)
  const body = Readable.from(atLeastSpeed(pull, leastSpeed), { objectMode: false })
  let failure: unknown
  body.once('error', (error) => {
    failure = error
  })
  try {
    const from = blobs.beginUpload(algorithmOf(digest))
    const appended = await blobs.append(id, { from, source: body, maxBytes: size })
    if (!appended || appended.interruption !== undefined) {
      throw failure ?? new Error('The other registry sent too many bytes, or none for too long')
    }
    await claimDigest(metadata, digest)
    if ((await blobs.commit(id, appended, digest)) !== digest) throw wrongBytes()
    return appended.offset
  } catch (error) {
    await blobs.discard(id)
    throw error
  } finally {
    // Of a body that never ends the rest would go on to arrive.
    body.destroy()
  }
}

function wrongBytes(): Error {
  return new Error('The other registry sent other bytes')
}
