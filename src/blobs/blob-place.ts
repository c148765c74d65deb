import type { ChunkCollector } from '../stream/chunk-collector.ts'
import type { BlobReader, BlobStore } from './blob-store.ts'
import type { LinkTree } from './link-tree.ts'

/** Options of opening a store. */
export interface OpenPlaceOptions {
  /** Called before bytes of a request are written; an error that it throws refuses the request. */
  readonly beforeWrite?: (() => void) | undefined
  /** Called with losses that the store goes on without, and the operator should know. */
  readonly warn?: ((message: string, error: unknown) => void) | undefined
  /** Called with the time of each fsync for the bytes of an upload, in milliseconds. */
  readonly onSync?: ((ms: number) => void) | undefined
  /** That of the process; undefined: one of the store's own. */
  readonly collector?: ChunkCollector | undefined
}

/** A place for the bytes of a registry, such as a folder or a bucket. Only its adapter knows which it is. */
export interface BlobPlace {
  /**
   * Folders of this machine with the bytes: other content must not be served from them, and the doctor checks their
   * disks. Empty if the bytes are elsewhere.
   */
  readonly folders: readonly string[]
  /** Opens the store, making what it lacks. The caller closes it. Errors: {@link UnusablePlaceError}. */
  open(options?: OpenPlaceOptions): Promise<BlobStore>
  /** Opens the store to read from it only: it makes nothing, and the place may be read-only. The caller closes it. */
  openReader(): Promise<BlobReader & Pick<BlobStore, 'close'>>
  /**
   * Checks at the start, in a bounded time, that blobs can be stored; without it the first push would fail. A place
   * without room is no error: its blobs can be read. Errors: {@link UnusablePlaceError}.
   */
  probe(): Promise<void>
  /** Name for a message of the part with blobs that a database of Berth has named; undefined: there are none. */
  findOwnBlobs(): Promise<string | undefined>
  /** Name for a message of the part with another registry's repositories, which are not served; undefined: there are none. */
  findForeignRepositories(): Promise<string | undefined>
  /**
   * The links of the Distribution registry beside the blobs; undefined: such a place cannot have them. `isOneThread`: reads by no thread
   * of its own.
   */
  openLinks?: (options?: { readonly isOneThread?: boolean }) => Promise<LinkTree>
  /** True if its bytes take room on the disk of this folder. Errors: those of the system. */
  sharesDiskWith(folder: string): boolean
}

/** A place cannot be used; the cause is the failed call. */
export class UnusablePlaceError extends Error {
  override readonly name = 'UnusablePlaceError'
  /** The part that cannot be used; undefined: the one that the cause names. */
  readonly part: string | undefined

  constructor(cause: unknown, part?: string) {
    super(`The place of the blobs cannot be used${part === undefined ? '' : `: ${part}`}`, { cause })
    this.part = part
  }
}
