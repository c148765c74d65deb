import type { Digest } from '../oci/digest.ts'
import type { BlobStore } from './blob-store.ts'

/** An adapter as the suite uses it: a new store, and further instances over the same bytes, as other processes have. */
export interface BlobStoreFixture extends AsyncDisposable {
  readonly store: BlobStore
  reopen(): Promise<BlobStore>
  /** True if clients can read blobs by a URL. */
  readonly hasUrls: boolean
}

/** The bytes of a blob of that size. */
export async function readBlob(store: BlobStore, digest: Digest, size: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  await store.send(digest, [{ start: 0, end: size }], async (chunk) => void chunks.push(Buffer.from(chunk)))
  return Buffer.concat(chunks)
}
