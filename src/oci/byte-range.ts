import { OciError } from './errors.ts'

/** A span of bytes: `start` inclusive, `end` exclusive. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * Reads a `Range` header against content of `size` bytes (RFC 9110, 14).
 *
 * Undefined means: send the whole. That is also the answer to a unit that is not bytes, to what cannot be parsed and
 * to several ranges, all of which RFC 9110 14.2 lets a server ignore: many small ranges are a known way to make a
 * server work (CVE-2011-3192).
 * Errors: `RANGE_INVALID` (416) if the one range asked for holds no byte of the content, also where its end lies
 * before its start: the conformance suite wants that refused, not ignored.
 */
export function parseRangeHeader(header: string | undefined, size: number): ByteRange | undefined {
  const match = header === undefined ? null : /^bytes=(\d{0,16})-(\d{0,16})$/i.exec(header.trim())
  if (!match) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  const range = first === '' ? suffixOf(Number(last), size) : spanOf(Number(first), last, size)
  if (range.start < range.end) return range
  throw new OciError('RANGE_INVALID', {
    message: `The range holds no byte of the content: its size is ${size} bytes`,
    detail: { size },
  })
}

function suffixOf(length: number, size: number): ByteRange {
  return { start: Math.max(0, size - length), end: size }
}

function spanOf(start: number, last: string, size: number): ByteRange {
  return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) }
}

/**
 * Reads the `Content-Range` of an upload chunk, `<first>-<last>` inclusive, with or without a leading `bytes `
 * and a trailing `/<size>` (distribution-spec "Pushing a blob in chunks").
 * Errors: `RANGE_INVALID` (416) if it cannot be read.
 */
export function parseContentRange(header: string): ByteRange {
  const match = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/.exec(header.trim())
  const start = Number(match?.[1])
  const end = Number(match?.[2]) + 1
  if (match && end > start) return { start, end }
  throw new OciError('RANGE_INVALID', {
    message: 'Content-Range cannot be read: send "<first>-<last>", both inclusive, in bytes',
    detail: { contentRange: header.slice(0, 100) },
  })
}
