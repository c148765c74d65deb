import { OciError } from './errors.ts'

/** A span of bytes: `start` inclusive, `end` exclusive. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * Most ranges of one request. Clients that fetch only the files they lack (zstd:chunked, eStargz) send up to 1,024;
 * many small ranges are a known attack (CVE-2011-3192).
 */
export const MAX_RANGES = 1_024

/**
 * Reads a `Range` header against content of `size` bytes (RFC 9110, 14): one or more spans, none of which overlap, in
 * the order of the header. Overlapping ranges become one span, in the place of the first; a span that holds no byte of
 * the content is left out if others do.
 *
 * Undefined: send the whole content, as RFC 9110 14.2 has it for units other than bytes. Errors: `RANGE_INVALID` (416)
 * if no range holds a byte of the content; if one cannot be read or ends before it starts, which RFC 9110 14.2 allows
 * and the conformance suite requires; for more than {@link MAX_RANGES}.
 */
export function parseRangeHeader(header: string | undefined, size: number): readonly ByteRange[] | undefined {
  const [, set] = /^bytes=(.*)$/is.exec(header?.trim() ?? '') ?? []
  if (set === undefined) return undefined
  const texts = set.split(',').flatMap((text) => text.trim() || [])
  if (texts.length > MAX_RANGES) {
    throw refused(`There are ${texts.length} ranges: ask for ${MAX_RANGES} at most`, size)
  }
  const ranges = texts.map((text) => parseRange(text, size))
  if (ranges.length === 0 || ranges.includes(undefined)) {
    throw refused('The range cannot be read: send "bytes=<first>-<last>", both inclusive', size)
  }
  const held = ranges.filter((range) => range !== undefined && range.start < range.end) as ByteRange[]
  if (held.length > 0) return joinOverlapping(held)
  throw refused(`The range holds no byte of the content: its size is ${size} bytes`, size)
}

/** Undefined if it cannot be read; empty if it holds no byte of the content. */
function parseRange(text: string, size: number): ByteRange | undefined {
  const [, first = '', last = ''] = /^(\d*)-(\d*)$/.exec(text) ?? []
  if (first === '' && last === '') return undefined
  if (first === '') return { start: Math.max(0, size - Number(last)), end: size }
  if (last === '') return { start: Number(first), end: size }
  if (Number(last) < Number(first)) return undefined
  return { start: Number(first), end: Math.min(Number(last) + 1, size) }
}

/** Joins overlapping ranges. Ranges that only touch stay apart: clients count the parts. */
function joinOverlapping(ranges: readonly ByteRange[]): ByteRange[] {
  const joined: { start: number; end: number; order: number }[] = []
  const numbered = ranges.map(({ start, end }, order) => ({ start, end, order }))
  for (const range of numbered.sort((a, b) => a.start - b.start)) {
    const before = joined.at(-1)
    if (!before || range.start >= before.end) {
      joined.push(range)
      continue
    }
    before.end = Math.max(before.end, range.end)
    before.order = Math.min(before.order, range.order)
  }
  return joined.sort((a, b) => a.order - b.order).map(({ start, end }) => ({ start, end }))
}

function refused(message: string, size: number): OciError {
  return new OciError('RANGE_INVALID', { message, detail: { size } })
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
