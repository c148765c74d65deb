import type { ReferrerRow } from '../../metadata/metadata.ts'
import { OciError } from '../../oci/errors.ts'
import { type Manifest, parseManifest } from '../../oci/manifest.ts'
import { AccountTurns } from './account-turns.ts'
import { type ChildrenRequest, listChildren } from './list-children.ts'
import { ManifestThread } from './manifest-thread.ts'
import { unpackManifest } from './packed-manifest.ts'

/**
 * Size from which on a manifest is parsed by a thread of its own, in bytes: this much takes a few milliseconds, the
 * largest one a second. Manifests of images are far below, and are parsed at once.
 */
export const LARGE_MANIFEST_BYTES: number = 32 * 1024

/** Parses manifests: small ones at once, large ones on a thread, one at a time for each account. */
export class ManifestReader {
  readonly #thread = new ManifestThread()
  readonly #turns = new AccountTurns()

  /** Runs work on a manifest when it is the account's turn; a small one does not wait. Errors: `TOOMANYREQUESTS`. */
  takeTurn<T>(account: string, bytes: Uint8Array, work: () => Promise<T>): Promise<T> {
    return isLarge(bytes) ? this.#turns.run(account, work) : work()
  }

  /**
   * Parses a manifest; descriptors of a large one have only media type, digest and size. Errors: `MANIFEST_INVALID`.
   */
  async read(bytes: Uint8Array, contentType: string | undefined): Promise<Manifest> {
    if (!isLarge(bytes)) return parseManifest(bytes, contentType)
    const outcome = await this.#thread.run({ kind: 'manifest', bytes, contentType })
    if (outcome.kind === 'manifest') return unpackManifest(outcome.manifest)
    throw outcome.kind === 'refused' ? new OciError(outcome.code, { message: outcome.message }) : mixedUp()
  }

  /** Lists children of an index. */
  async listChildren(request: ChildrenRequest): Promise<readonly ReferrerRow[]> {
    if (!isLarge(request.bytes)) return listChildren(request)
    const outcome = await this.#thread.run({ kind: 'children', ...request })
    if (outcome.kind === 'children') return outcome.rows
    throw mixedUp()
  }
}

function isLarge(bytes: Uint8Array): boolean {
  return bytes.length >= LARGE_MANIFEST_BYTES
}

function mixedUp(): Error {
  return new Error('The thread that reads manifests gave the result of another job')
}
