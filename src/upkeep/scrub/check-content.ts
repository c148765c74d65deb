import type { BlobCondition } from '../../blobs/blob-store.ts'
import { type BlobMark, REMOVED_WITHIN_MS } from '../../metadata/collection-facts.ts'
import type { DamageFinding, ScrubItem } from '../../metadata/scrub-facts.ts'
import { Elapsed } from '../elapsed.ts'
import { mendManifest } from './mend-manifest.ts'
import type { CheckResult, ScrubParts } from './scrub-parts.ts'

/** Repositories named in the report of a damage. */
const MAX_NAMED = 5

/**
 * Verifies the stored bytes of some content, and the rows of a manifest. What is damaged goes into quarantine: the fact
 * first, so that it is not served from then on, then the bytes, under a mark that keeps pushes away.
 * Errors: those of `onRead`, the store and the facts.
 */
export async function checkContent(
  item: ScrubItem,
  parts: ScrubParts,
  onRead: (bytes: number) => Promise<void>,
): Promise<CheckResult> {
  const since = new Elapsed()
  const condition = await verifyTwice(item, parts, onRead)
  if (item.isManifest) {
    const mended = await mendManifest(item, condition, parts)
    if (mended !== undefined) return mended
  } else if (condition.kind === 'whole') {
    return item.isQuarantined ? await releaseWhole(item, condition.size, parts) : 'whole'
  }
  const finding = toFinding(item, condition)
  // A store that cannot be used at all says nothing about this content.
  if (finding.kind === 'unreadable') await parts.blobs.check()
  return await putInQuarantine(finding, since, parts)
}

/** A read that fails is made once more: a network disk may have had a moment of weakness. */
async function verifyTwice(
  { digest }: ScrubItem,
  { blobs }: ScrubParts,
  onRead: (bytes: number) => Promise<void>,
): Promise<BlobCondition> {
  const condition = await blobs.verify(digest, { onRead })
  return condition.kind === 'unreadable' ? await blobs.verify(digest, { onRead }) : condition
}

async function releaseWhole(
  { digest }: ScrubItem,
  size: number,
  { facts, report }: ScrubParts,
): Promise<CheckResult> {
  if (!(await facts.release(digest, { size, how: 'found-whole' }))) return 'whole'
  report?.onMended?.(digest, 'found-whole')
  return 'mended'
}

function toFinding({ digest }: ScrubItem, condition: BlobCondition): DamageFinding {
  switch (condition.kind) {
    case 'whole':
    case 'changed':
      // Whole: a manifest whose file was stored anew while it was examined; the next pass sees it.
      return { digest, kind: 'changed', foundSize: condition.size }
    case 'unreadable':
      return { digest, kind: 'unreadable', reason: condition.reason }
    case 'absent':
    case 'no-file':
      return { digest, kind: condition.kind }
  }
}

async function putInQuarantine(
  finding: DamageFinding,
  read: Elapsed,
  parts: ScrubParts,
): Promise<CheckResult> {
  const { facts, report } = parts
  const since = new Elapsed()
  const outcome = await facts.quarantine(finding, read.ms())
  if (outcome.kind === 'busy') report?.onUndecided?.(finding.digest)
  if (outcome.kind !== 'quarantined') return outcome.kind
  if (outcome.isNew) report?.onDamage?.(finding, await facts.listHolders(finding.digest, MAX_NAMED))
  if (outcome.mark) await moveAside(outcome.mark, since, parts)
  return finding.kind === 'unreadable' ? 'unreadable' : 'damaged'
}

/** If it fails, as on a disk that is read-only, the bytes stay where they are, and are not served; the next pass tries again. */
async function moveAside(
  mark: BlobMark,
  since: Elapsed,
  { blobs, facts, report }: ScrubParts,
): Promise<void> {
  let isSetAside = false
  try {
    // After that time another process may take the mark over, and a push store the right bytes.
    if (since.ms() > REMOVED_WITHIN_MS) throw new Error('The quarantine took too long to begin')
    isSetAside = await blobs.setAside(mark.digest)
  } catch (error) {
    report?.onFailure?.(mark.digest, error)
  } finally {
    await facts.endMove(mark, isSetAside)
  }
}
