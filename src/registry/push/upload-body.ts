import type { Readable } from 'node:stream'
import type { Appended } from '../../blobs/blob-store.ts'
import type { UploadRow } from '../../metadata/metadata.ts'
import type { ByteRange } from '../../oci/byte-range.ts'
import { OciError } from '../../oci/errors.ts'

/** A body and the client's headers about it. */
export interface UploadBody {
  readonly source: Readable
  /** Called with each chunk of the source once it is no longer used, so that its memory can be freed. */
  readonly release?: ((chunk: Buffer) => void) | undefined
  /** Range of the body, by the client. */
  readonly range: ByteRange | undefined
  /** `Content-Length`; undefined: its length is unknown. */
  readonly length: number | undefined
}

/**
 * Most bytes of a body; `maxBlobBytes` is the largest blob, 0: no limit. Errors: before anything is read,
 * `RANGE_INVALID` if it does not begin at the offset, `SIZE_INVALID` if its length is not that of its range, or 413 if
 * it is too large.
 */
export function roomFor(upload: UploadRow, body: UploadBody, maxBlobBytes: number): number {
  const { offset } = upload
  const { range, length } = body
  if (range && range.start !== offset) {
    throw new OciError('RANGE_INVALID', {
      message: `The chunk begins at ${range.start}, the session goes on at ${offset}: get its status`,
      detail: { offset },
    })
  }
  if (range && length !== undefined && length !== range.end - range.start) {
    throw new OciError('SIZE_INVALID', {
      message: `Content-Length says ${length} bytes, Content-Range ${range.end - range.start}`,
    })
  }
  if (maxBlobBytes === 0) return Number.MAX_SAFE_INTEGER
  if (offset + (length ?? 0) > maxBlobBytes) throw tooLarge(maxBlobBytes)
  return maxBlobBytes - offset
}

/** Errors: `SIZE_INVALID` if the body was longer or shorter than allowed, or than its range. */
export function refuseUnfit(
  { offset }: UploadRow,
  { range }: UploadBody,
  { appended, maxBlobBytes }: { appended: Appended; maxBlobBytes: number },
): void {
  if (appended.interruption === 'too-large') throw tooLarge(maxBlobBytes)
  if (appended.interruption || !range || appended.offset === range.end) return
  throw new OciError('SIZE_INVALID', {
    message: `The body held ${appended.offset - offset} bytes, Content-Range said ${range.end - offset}`,
  })
}

function tooLarge(max: number): OciError {
  return new OciError('SIZE_INVALID', {
    message: `The blob is larger than this registry accepts: at most ${max} bytes`,
    status: 413,
  })
}
