/** A server's way to read the path of a request. */
interface PathReader {
  readonly name: string
  /** The path that its application sees. */
  readonly read: (rawPath: string) => string
}

type Step = (path: string) => string

const cutParameters: Step = (path) => path.replace(/;[^/]*/g, '')
const merge: Step = (path) => path.replace(/\/{2,}/g, '/')
const windows: Step = (path) => path.replaceAll('\\', '/')
/** Decodes segments one by one: an escaped slash stays in its segment, written so that it separates nothing. */
const decodeSegments: Step = (path) => decodeAll(path.replace(/%2f/gi, '%252F'))
/** Decodes UTF-8 by counting bits, without the check for the shortest form: `%c0%af` is a slash. */
const decodeCarelessly: Step = (path) => {
  const bytes = Buffer.from(decodeLatin1(path), 'latin1')
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] ?? 0
    const length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    const rest = [...bytes.subarray(at + 1, at + length)].filter((byte) => byte >> 6 === 0b10)
    const isWhole = rest.length === length - 1
    const code =
      isWhole && length > 1
        ? rest.reduce((sum, byte) => (sum << 6) | (byte & 0x3f), first & (0x7f >> length))
        : first
    text += String.fromCodePoint(code <= 0x10ffff ? code : 0xfffd)
    at += isWhole ? length : 1
  }
  return text
}

function decodeLatin1(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function decodeAll(path: string): string {
  return Buffer.from(decodeLatin1(path), 'latin1').toString()
}

/** Resolves `.` and `..` as RFC 3986 section 5.2.4 does, never above the root. */
function resolveDots(path: string): string {
  const kept: string[] = []
  const parts = path.split('/').slice(1)
  for (const part of parts) {
    if (part === '..') kept.pop()
    else if (part !== '.') kept.push(part)
  }
  const last = parts.at(-1)
  return `/${kept.join('/')}${last === '.' || last === '..' ? '/' : ''}`
}

const DECODERS: Readonly<Record<string, Step>> = {
  'decodes all': decodeAll,
  'decodes segments': decodeSegments,
  'decodes to Latin-1': decodeLatin1,
  'decodes carelessly': decodeCarelessly,
}
const CUTTERS: Readonly<Record<string, (decode: Step) => Step>> = {
  'keeps parameters': (decode) => decode,
  'cuts parameters, then decodes': (decode) => (path) => decode(cutParameters(path)),
  'cuts parameters once decoded': (decode) => (path) => cutParameters(decode(path)),
}
const SLASHES: Readonly<Record<string, Step>> = {
  'takes slashes as they are': (path) => path,
  'merges slashes': merge,
  'reads backslashes as slashes': windows,
  'reads backslashes as slashes and merges': (path) => merge(windows(path)),
}

/**
 * Servers of all kinds: each way to decode, with each way to treat parameters and slashes; and readers of URLs. All
 * decode once.
 */
export const PATH_READERS: readonly PathReader[] = [
  ...Object.entries(DECODERS).flatMap(([decoder, decode]) =>
    Object.entries(CUTTERS).flatMap(([cutter, cut]) =>
      Object.entries(SLASHES).map(([manner, slashes]) => ({
        name: `${decoder}, ${cutter}, ${manner}`,
        read: (rawPath: string) => resolveDots(slashes(cut(decode)(rawPath))),
      })),
    ),
  ),
  {
    name: 'reads a reference (WHATWG URL)',
    read: (rawPath) => decodeAll(new URL(rawPath, 'http://app.test/').pathname),
  },
]
