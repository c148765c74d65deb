import { OciError } from './errors.ts'

/** Deepest nesting of a manifest's JSON: real ones need 6; the bound keeps a hostile one from the stack. */
const MAX_DEPTH = 64

/**
 * Parses JSON bytes strictly: valid UTF-8, no byte-order mark, no member named twice in one object, bounded depth.
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
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw invalid('it is not JSON', cause)
  }
  refuseRepeatedNames(text)
  return value
}

/** Walks text known to be valid JSON, keeping the names seen of each open object. */
function refuseRepeatedNames(text: string): void {
  const open: (Set<string> | undefined)[] = []
  let expectsName = false
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '{':
      case '[':
        if (open.length >= MAX_DEPTH) throw invalid(`it is nested deeper than ${MAX_DEPTH}`)
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
        const end = endOfString(text, at)
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
function endOfString(text: string, start: number): number {
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
