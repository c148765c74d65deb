import type { BlobPlace } from '../../blobs/blob-place.ts'
import type { CollectionFacts } from '../../metadata/collection-facts.ts'

/** Why nothing may be removed. */
type Hold =
  /** The folder of the blobs holds repositories of another registry, which may need the same blobs. */
  | { readonly kind: 'foreign'; readonly folder: string }
  /**
   * The place holds no blobs, and the facts name some: it is another place than that of the facts, or its disk is not
   * mounted. The facts would be removed, and the bytes would stay for good where they are.
   */
  | { readonly kind: 'no-blobs' }

/** Finds what forbids to remove anything; undefined: nothing. */
export async function findPlaceHold({
  place,
  facts,
}: {
  place: Pick<BlobPlace, 'findForeignRepositories' | 'findOwnBlobs'>
  facts: Pick<CollectionFacts, 'hasBlobs'>
}): Promise<Hold | undefined> {
  const folder = await place.findForeignRepositories()
  if (folder !== undefined) return { kind: 'foreign', folder }
  const isLost = (await place.findOwnBlobs()) === undefined && (await facts.hasBlobs())
  return isLost ? { kind: 'no-blobs' } : undefined
}

/** Each reason as part of a sentence. */
export const HELD: Readonly<Record<Hold['kind'], string>> = {
  foreign:
    'the folder of the blobs also holds repositories of the Distribution registry, which may need the same blobs: "berth adopt" takes them over',
  'no-blobs':
    'there are no blobs in their folder, and the database names some: its disk is not mounted, or it is another folder',
}

/** The reason for the wait after a pause, as part of a sentence. */
export function describeWait(until: Date): string {
  return `the last round was more than a day ago, so that images in use may not have been pulled since; it goes on at ${until.toISOString()}`
}
