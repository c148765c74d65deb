import { OciError } from './errors.ts'

/** Deepest nesting of a manifest's JSON: real ones need 6; the bound protects the stack from a hostile one. */
const MAX_DEPTH = 64
/**
 * Most values in one document. An index of 4 MiB holds some 110,000. The shortest value, `[]`, has two bytes of text
 * and takes many times that in memory: enough of them would exhaust a server of 512 MB.
 */
const MAX_VALUES = 250_000

/**
 * Parses JSON bytes strictly: valid UTF-8, no byte-order mark, no member named twice in one object, bounded depth and
 * number of values.
 *
 * Two parsers that disagree on which of two equal names counts would disagree on what an image holds
 * (CVE-2021-41190 is of that family), so such a document is refused rather than interpreted.
 * Errors: `MANIFEST_INVALID`.
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw invalid('it is not UTF-8', cause)
  }
  refuseBombs(bytes)
  let value: unknown
  try {
    value = BROKEN_SIZE.test(text) ? JSON.parse(text, withoutBrokenSizes) : JSON.parse(text)
  } catch (cause) {
    throw invalid('it is not JSON', cause)
  }
  refuseRepeatedNames(text)
  return value
}

/**
 * A size written as `10.0` or `1e1`: equal to a whole number, but refused by programs that read an integer (Go's
 * int64).
 */
const BROKEN_SIZE = /"size"\s*:\s*-?\d+[.eE]/

/**
 * Reads such sizes as absent, so that a descriptor with one is refused, and no manifest is stored that cannot be
 * pulled.
 */
function withoutBrokenSizes(name: string, value: unknown, context?: { source?: string }): unknown {
  return name === 'size' && typeof value === 'number' && /[.eE]/.test(context?.source ?? '')
    ? Number.NaN
    : value
}

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPENING = new Set([0x5b, 0x7b])
const CLOSING = new Set([0x5d, 0x7d])

/** Bounds nesting and values before the document is parsed; the bytes may not even be JSON. */
function refuseBombs(bytes: Uint8Array): void {
  let depth = 0
  let values = 1
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) at = findTextEnd(bytes, at)
    else if (byte === COMMA) values++
    else if (OPENING.has(byte)) {
      values++
      if (++depth > MAX_DEPTH) throw invalid(`it is nested deeper than ${MAX_DEPTH}`)
    } else if (CLOSING.has(byte)) depth--
    if (values > MAX_VALUES) throw invalid(`it holds more than ${MAX_VALUES} values`)
  }
}

/** Index of the quote that closes the string opened at `start`, or the end if none does. */
function findTextEnd(bytes: Uint8Array, start: number): number {
  let at = start + 1
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return at
}

/** Walks text known to be valid JSON, keeping the names seen in each open object. */
function refuseRepeatedNames(text: string): void {
  const open: (Set<string> | undefined)[] = []
  let expectsName = false
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '{':
      case '[':
        expectsName = text[at] === '{'
        open.push(expectsName ? new Set() : undefined)
        break
      case '}':
      case ']':
        open.pop()
        expectsName = false
        break
      case ',':
        expectsName = open.at(-1) !== undefined
        break
      case ':':
        expectsName = false
        break
      case '"': {
        const end = findStringEnd(text, at)
        const names = open.at(-1)
        if (expectsName && names) noteName(names, JSON.parse(text.slice(at, end + 1)))
        at = end
        break
      }
      default:
    }
  }
}

function noteName(names: Set<string>, name: string): void {
  if (names.has(name))
    throw invalid(`the member ${JSON.stringify(name.slice(0, 80))} stands twice in one object`)
  names.add(name)
}

/** Index of the quote that closes the string opened at `start`. */
function findStringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0
  while (text[quote - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}

function invalid(why: string, cause?: unknown): OciError {
  return new OciError('MANIFEST_INVALID', { message: `Manifest invalid: ${why}`, cause })
}
