/** Deepest nesting that is read: certificates and the envelopes they come in need below 15. */
const MAX_DEPTH = 24
/** Most elements read from one list: a mailed bundle has below 100. */
const MAX_ELEMENTS = 5_000

/** An element of a BER encoding (X.690), of which DER is a part. */
export interface BerElement {
  readonly tag: number
  /** Its content, without the end marks of an indefinite length. */
  readonly content: Buffer
  /** The whole element, with its head. */
  readonly raw: Buffer
  /** The bytes after it. */
  readonly rest: Buffer
}

/**
 * Reads the first element; undefined if there is none, it is cut short, or nested too deeply. Lengths may be
 * indefinite, which some tools write into PKCS #7 files. Tags are those of one byte, as everywhere in certificates.
 */
export function readBer(bytes: Buffer, depth = 0): BerElement | undefined {
  const [tag, first] = bytes
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f || depth > MAX_DEPTH) return undefined
  if (first === 0x80) return readIndefinite(bytes, tag, depth)
  const digits = first < 0x80 ? 0 : first & 0x7f
  if (digits > 4 || bytes.length < 2 + digits) return undefined
  const length = digits === 0 ? first : bytes.readUIntBE(2, digits)
  const start = 2 + digits
  const end = start + length
  if (end > bytes.length) return undefined
  return {
    tag,
    content: bytes.subarray(start, end),
    raw: bytes.subarray(0, end),
    rest: bytes.subarray(end),
  }
}

/** The elements one after the other; stops at bytes that are no element. */
export function readBerList(bytes: Buffer, depth = 0): BerElement[] {
  const elements: BerElement[] = []
  let element = readBer(bytes, depth)
  while (element !== undefined && elements.length < MAX_ELEMENTS) {
    elements.push(element)
    element = readBer(element.rest, depth)
  }
  return elements
}

/** An object identifier in its usual form, such as `2.5.29.17`; undefined for another element. */
export function readOid(element: BerElement | undefined): string | undefined {
  if (element?.tag !== 0x06 || element.content.length === 0 || element.content.length > 64) return undefined
  const arcs: number[] = []
  let arc = 0
  for (const byte of element.content) {
    arc = arc * 128 + (byte & 0x7f)
    if ((byte & 0x80) !== 0) continue
    arcs.push(arc)
    arc = 0
  }
  const [head = 0, ...tail] = arcs
  const top = Math.min(2, Math.floor(head / 40))
  return [top, head - top * 40, ...tail].join('.')
}

/** An indefinite length ends with two zero bytes after the elements inside (X.690 section 8.1.3.6). */
function readIndefinite(bytes: Buffer, tag: number, depth: number): BerElement | undefined {
  if ((tag & 0x20) === 0) return undefined
  let left = bytes.subarray(2)
  for (let count = 0; count < MAX_ELEMENTS; count++) {
    if (left[0] === 0 && left[1] === 0) {
      const end = bytes.length - left.length
      return {
        tag,
        content: bytes.subarray(2, end),
        raw: bytes.subarray(0, end + 2),
        rest: bytes.subarray(end + 2),
      }
    }
    const inner = readBer(left, depth + 1)
    if (inner === undefined) return undefined
    left = inner.rest
  }
  return undefined
}
