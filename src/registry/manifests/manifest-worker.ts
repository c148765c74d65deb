import { parentPort } from 'node:worker_threads'
import type { ReferrerRow } from '../../metadata/metadata.ts'
import { OciError, type OciErrorCode } from '../../oci/errors.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { type ChildrenRequest, listChildren } from './list-children.ts'
import { type PackedManifest, packManifest } from './packed-manifest.ts'

/** A manifest to parse, as the thread gets it. */
export type ManifestWork =
  | { readonly kind: 'manifest'; readonly bytes: Uint8Array; readonly contentType: string | undefined }
  | ({ readonly kind: 'children' } & ChildrenRequest)

/** Work with a number that its result carries, too. */
export interface ManifestJob {
  readonly id: number
  readonly work: ManifestWork
}

/** Result of a job; a bug ends the thread. */
export interface ManifestResult {
  readonly id: number
  readonly outcome:
    | { readonly kind: 'manifest'; readonly manifest: PackedManifest }
    | { readonly kind: 'children'; readonly rows: readonly ReferrerRow[] }
    | { readonly kind: 'refused'; readonly code: OciErrorCode; readonly message: string }
}

parentPort?.on('message', ({ id, work }: ManifestJob) => {
  parentPort?.postMessage({ id, outcome: perform(work) } satisfies ManifestResult)
})

function perform(work: ManifestWork): ManifestResult['outcome'] {
  if (work.kind === 'children') return { kind: 'children', rows: listChildren(work) }
  try {
    return { kind: 'manifest', manifest: packManifest(parseManifest(work.bytes, work.contentType)) }
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    return { kind: 'refused', code: error.code, message: error.message }
  }
}
