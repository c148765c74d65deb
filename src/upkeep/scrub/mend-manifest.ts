import type { BlobCondition } from '../../blobs/blob-store.ts'
import type { ScrubItem } from '../../metadata/scrub-facts.ts'
import { algorithmOf, type Digest, hashContent } from '../../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../../oci/manifest.ts'
import type { CheckResult, ScrubParts } from './scrub-parts.ts'

/** Rows of a manifest read at once: of large ones 32 MiB. */
const PAGE = 8

/**
 * Verifies the rows of a manifest, from which it is served. The store and each repository have a copy, and a good one
 * mends the others. Undefined: no copy is good.
 */
export async function mendManifest(
  item: ScrubItem,
  condition: BlobCondition,
  parts: ScrubParts,
): Promise<CheckResult | undefined> {
  const { digest } = item
  const { facts, report } = parts
  const rows = await readRows(digest, parts)
  // Its last row was removed since it was listed: what the store has is judged as any other content.
  if (!rows.good && !rows.hasBad) return condition.kind === 'whole' ? 'whole' : undefined
  const good =
    rows.good ?? (condition.kind === 'whole' ? await readStored(digest, condition.size, parts) : undefined)
  if (!good) return undefined
  if (rows.hasBad) await facts.replaceManifestBytes(digest, good)
  const isStoreMended = condition.kind !== 'whole'
  if (isStoreMended && !(await storeAgain(digest, good, parts))) return 'busy'
  const isReleased =
    item.isQuarantined && (await facts.release(digest, { size: good.length, how: 'found-whole' }))
  if (!rows.hasBad && !isStoreMended && !isReleased) return 'whole'
  report?.onMended?.(digest, 'from-other-copy')
  return 'mended'
}

interface Rows {
  /** The first that is good. */
  readonly good: Uint8Array | undefined
  readonly hasBad: boolean
}

async function readRows(digest: Digest, { facts }: ScrubParts): Promise<Rows> {
  let good: Uint8Array | undefined
  let hasBad = false
  let after = 0
  for (;;) {
    const page = await facts.listManifestCopies(digest, { after, limit: PAGE })
    for (const { repositoryId, bytes } of page) {
      if (hashContent(bytes, algorithmOf(digest)) === digest) good ??= bytes
      else hasBad = true
      after = repositoryId
    }
    if (page.length < PAGE) return { good, hasBad }
  }
}

/** The bytes of the store; undefined if they were changed since they were verified. */
async function readStored(
  digest: Digest,
  size: number,
  { blobs }: ScrubParts,
): Promise<Uint8Array | undefined> {
  if (size > MAX_MANIFEST_BYTES) return undefined
  const parts: Buffer[] = []
  await blobs.send(digest, [{ start: 0, end: size }], async (bytes) => void parts.push(Buffer.from(bytes)))
  const bytes = Buffer.concat(parts)
  return hashContent(bytes, algorithmOf(digest)) === digest ? bytes : undefined
}

/** False if the bytes are being removed at the moment: then nothing needs them. */
async function storeAgain(
  digest: Digest,
  bytes: Uint8Array,
  { blobs, metadata }: ScrubParts,
): Promise<boolean> {
  if ((await metadata.claimBlob(digest)) === 'removing') return false
  await blobs.put(digest, bytes)
  return true
}
