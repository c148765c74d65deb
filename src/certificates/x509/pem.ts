/** Most blocks read from one text: a bundle of every public root has below 200. */
const MAX_BLOCKS = 500
/** Longest label; real ones end below 30 characters. */
const MAX_LABEL_LENGTH = 64
const BEGIN = '-----BEGIN '
const DASHES = '-----'

/** A block of a PEM text (RFC 7468). */
export interface PemBlock {
  /** Such as `CERTIFICATE`. */
  readonly label: string
  /** Its decoded bytes; undefined if it is not base64 or its end is missing. */
  readonly bytes: Buffer | undefined
  /** True if the key is encrypted in OpenSSL's own way, which is marked by headers inside the block. */
  readonly isEncrypted: boolean
  /** The block as found, corrected for strict readers. */
  readonly text: string
  /** Its fault; undefined if it has none. */
  readonly problem: string | undefined
}

/** Oddities of a readable text that strict readers may refuse. */
export type PemOddity = 'byte-order-mark' | 'utf-16' | 'crlf' | 'glued' | 'quoted' | 'escaped-line-ends'

/** A PEM text, parsed. */
interface PemText {
  readonly blocks: readonly PemBlock[]
  readonly oddities: readonly PemOddity[]
}

/**
 * Reads every block of a text as people mail and paste it: any line ends, byte order marks, UTF-16, text around, a `>`
 * before each line, blocks joined without a line end, `\n` as two characters. Never throws.
 */
export function parsePem(bytes: Uint8Array): PemText {
  const oddities = new Set<PemOddity>()
  const text = decode(bytes, oddities)
  const blocks: PemBlock[] = []
  let from = text.indexOf(BEGIN)
  while (from >= 0 && blocks.length < MAX_BLOCKS) {
    if (text.slice(Math.max(0, from - DASHES.length), from) === DASHES) oddities.add('glued')
    const labelEnd = text.indexOf(DASHES, from + BEGIN.length)
    const label = text.slice(from + BEGIN.length, labelEnd)
    if (labelEnd < 0 || label.length > MAX_LABEL_LENGTH || !/^[A-Z0-9 #]+$/.test(label)) {
      from = text.indexOf(BEGIN, from + 1)
      continue
    }
    const bodyStart = labelEnd + DASHES.length
    const next = text.indexOf(BEGIN, bodyStart)
    const end = text.indexOf(`-----END ${label}-----`, bodyStart)
    const isEnded = end >= 0 && (next < 0 || end < next)
    blocks.push(readBlock(label, text.slice(bodyStart, isEnded ? end : bodyStart), isEnded))
    from = next
  }
  return { blocks, oddities: [...oddities] }
}

/** Writes a block with lines of 64 characters, as strict readers require. */
export function formatPem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

function readBlock(label: string, body: string, isEnded: boolean): PemBlock {
  const broken = (problem: string): PemBlock => ({
    label,
    bytes: undefined,
    isEncrypted: false,
    text: '',
    problem,
  })
  if (!isEnded) return broken('its END line is missing: it was cut off')
  const headers: string[] = []
  const lines = body.split('\n').map((line) => line.trim())
  while (lines.length > 0 && (lines[0] === '' || lines[0]?.includes(':'))) {
    const line = lines.shift()
    if (line) headers.push(line)
  }
  const data = lines.join('').replace(/\s/g, '')
  if (data === '' || data.length % 4 === 1 || !/^[A-Za-z0-9+/]+={0,2}$/.test(data))
    return broken('its content is damaged: it is no base64')
  const bytes = Buffer.from(data, 'base64')
  const isEncrypted = headers.some((line) => /^Proc-Type:.*ENCRYPTED/.test(line))
  const text = formatPem(label, bytes)
  return {
    label,
    bytes,
    isEncrypted,
    text: headers.length > 0 ? text.replace('\n', `\n${headers.join('\n')}\n\n`) : text,
    problem: undefined,
  }
}

function decode(bytes: Uint8Array, oddities: Set<PemOddity>): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let text = decodeBytes(buffer, oddities)
  if (text.startsWith('\uFEFF')) {
    oddities.add('byte-order-mark')
    text = text.slice(1)
  }
  if (text.includes('\r')) {
    oddities.add('crlf')
    text = text.replace(/\r\n?/g, '\n')
  }
  if (text.includes('-----\\n') || text.includes('-----\\r\\n')) {
    oddities.add('escaped-line-ends')
    text = text.replace(/\\r\\n|\\n/g, '\n')
  }
  if (/^[>|] ?-----BEGIN /m.test(text)) {
    oddities.add('quoted')
    text = text.replace(/^[>|]+ ?/gm, '')
  }
  return text.replaceAll('\u00A0', ' ')
}

function decodeBytes(bytes: Buffer, oddities: Set<PemOddity>): string {
  const isLittle = bytes[0] === 0xff && bytes[1] === 0xfe
  const isBig = bytes[0] === 0xfe && bytes[1] === 0xff
  if (!isLittle && !isBig) return bytes.toString('utf8')
  oddities.add('utf-16')
  const even = bytes.subarray(2, bytes.length - (bytes.length % 2))
  return isLittle ? even.toString('utf16le') : Buffer.from(even).swap16().toString('utf16le')
}
