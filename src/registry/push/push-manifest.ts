import type { BlobReader, BlobWriter } from '../../blobs/blob-store.ts'
import type { BlobFacts, ManifestFacts, NamedContent, TagRights } from '../../metadata/metadata.ts'
import { algorithmOf, type Digest, hashContent } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import { isDigestReference, type Reference, type Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ManifestReader } from '../manifests/manifest-reader.ts'
import type { BlobPresence } from '../presence/blob-presence.ts'
import { claimDigest, removedMeanwhile } from './claim-digest.ts'
import { readExpiry } from './read-expiry.ts'
import type { UploadRoom } from './upload-room.ts'

/** Most absent digests in an error. */
const MAX_NAMED = 20

/** A manifest as a client sends it. */
export interface ManifestPush {
  readonly repository: RepositoryName
  /** Account that pushes it: it has one large manifest at a time under way. */
  readonly owner: string
  readonly reference: Reference
  /** Further tags, from `?tag=`. */
  readonly tags: readonly Tag[]
  readonly contentType: string | undefined
  readonly bytes: Uint8Array
  /** Rights of the account to tags; undefined: all. */
  readonly tagRights?: TagRights | undefined
}

/** Result of a push. */
interface PushedManifest {
  readonly digest: Digest
  readonly subject: Digest | undefined
  /** A label for the time after which the image expires that is no duration, with its value. Printable ASCII. */
  readonly unreadExpiry?: string | undefined
}

/** Pushing manifests. */
export interface PushManifest {
  /**
   * Stores a manifest unchanged and moves its tags. Errors: `MANIFEST_INVALID`, `DIGEST_INVALID` if it is pushed by a
   * digest it does not have, `MANIFEST_BLOB_UNKNOWN` if content it names is absent or its bytes are lost,
   * `DENIED` if the account may not make or move a tag,
   * `STORAGE_FULL`, `UNAVAILABLE`, `TOOMANYREQUESTS` if too many large ones of the account wait.
   */
  pushManifest(push: ManifestPush): Promise<PushedManifest>
}

/** Dependencies of pushing manifests. */
interface Parts {
  readonly blobs: Pick<BlobWriter & BlobReader, 'put' | 'stat' | 'send'>
  readonly metadata: Pick<ManifestFacts & BlobFacts, 'findNamed' | 'putManifest' | 'claimBlob'>
  readonly presence: BlobPresence
  readonly manifests: ManifestReader
  readonly room: Pick<UploadRoom, 'requireForManifest'>
  /** True if a manifest may name content its repository does not hold. */
  readonly isSparseAllowed: boolean
  readonly onUnreadExpiry: OnUnreadExpiry
}

/** Called with each pushed manifest whose label for the time after which it expires is no duration. */
export type OnUnreadExpiry = (found: {
  readonly repository: RepositoryName
  readonly digest: Digest
  readonly label: string
}) => void

/** Creates the use-case of pushing manifests. */
export function createPushManifest(parts: Parts): PushManifest {
  return {
    pushManifest: (push) => parts.manifests.takeTurn(push.owner, push.bytes, () => pushManifest(push, parts)),
  }
}

async function pushManifest(
  { repository, owner, reference, tags, contentType, bytes, tagRights }: ManifestPush,
  { blobs, metadata, presence, manifests, room, isSparseAllowed, onUnreadExpiry }: Parts,
): Promise<PushedManifest> {
  await room.requireForManifest(bytes.length)
  const manifest = await manifests.read(bytes, contentType)
  const digest = digestFor(reference, bytes)
  // Compared before any byte is written and again with the facts: in between a blob may be deleted.
  const named = await metadata.findNamed(repository, manifest)
  refuseMissized(named.missized)
  if (!isSparseAllowed) {
    refuseMissing([...named.missing, ...(await presence.findDamaged(named.blobs))])
  }
  await claimDigest(metadata, digest)
  await blobs.put(digest, bytes)
  const allTags = isDigestReference(reference) ? tags : [reference, ...tags]
  const expiry = await readExpiry(blobs, manifest)
  const { missing, missized, isRemoved } = await metadata.putManifest({
    repository,
    digest,
    manifest,
    bytes,
    tags: allTags,
    isSparseAllowed,
    by: owner,
    tagRights,
    expiresAfterMs: expiry.afterMs,
  })
  refuseMissized(missized)
  refuseMissing(missing)
  if (isRemoved) throw removedMeanwhile()
  // The claim protects content that was known; what was new may have come and gone by others meanwhile.
  if (!(await blobs.stat(digest))) await blobs.put(digest, bytes)
  if (expiry.unread !== undefined) onUnreadExpiry({ repository, digest, label: expiry.unread })
  return { digest, subject: manifest.subject?.digest, unreadExpiry: expiry.unread }
}

function digestFor(reference: Reference, bytes: Uint8Array): Digest {
  if (!isDigestReference(reference)) return hashContent(bytes)
  const actual = hashContent(bytes, algorithmOf(reference))
  if (actual === reference) return actual
  throw new OciError('DIGEST_INVALID', { detail: { expected: reference, actual } })
}

function refuseMissized(missized: NamedContent['missized']): void {
  const [first] = missized
  if (!first) return
  const { digest, stated, stored } = first
  throw new OciError('MANIFEST_INVALID', {
    message: `Manifest invalid: it says that ${digest} has ${stated} bytes, the stored content has ${stored}`,
    detail: missized.slice(0, MAX_NAMED),
  })
}

function refuseMissing(missing: readonly Digest[]): void {
  if (missing.length === 0) return
  throw new OciError('MANIFEST_BLOB_UNKNOWN', {
    message: `The manifest names content that is not in the repository (${missing.length}): push it first`,
    detail: missing.slice(0, MAX_NAMED).map((digest) => ({ digest })),
  })
}
