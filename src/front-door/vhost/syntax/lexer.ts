/** Largest file, in characters: real ones have a few thousand. */
const MAX_LENGTH = 1_048_576
/** Longest word, in characters: nginx's own buffer for one. */
const MAX_WORD_LENGTH = 4_096
/** Words and signs of one file: real files have some dozens. */
const MAX_TOKENS = 50_000

/** A piece of a vhost file. Quotes and escapes of a word are resolved. */
export type Token =
  | { readonly kind: 'word'; readonly text: string; readonly line: number; readonly isQuoted: boolean }
  | { readonly kind: ';' | '{' | '}'; readonly line: number }

/** Reason why a file could not be tokenized. */
export interface LexicalProblem {
  readonly line: number
  readonly message: string
}

/**
 * Splits a vhost file into tokens as nginx does (ngx_conf_file.c). Never throws: a fault ends the list and is in
 * `problem`.
 */
export function tokenize(text: string): { tokens: Token[]; problem: LexicalProblem | undefined } {
  if (text.length > MAX_LENGTH) {
    return { tokens: [], problem: { line: 1, message: `the file is longer than ${MAX_LENGTH} characters` } }
  }
  const reader = { text: text.replace(/^\uFEFF/, ''), position: 0, line: 1 }
  const tokens: Token[] = []
  for (;;) {
    skipBlank(reader)
    const { line } = reader
    const sign = reader.text[reader.position]
    if (sign === undefined) return { tokens, problem: undefined }
    if (tokens.length >= MAX_TOKENS) return { tokens, problem: { line, message: 'the file is too long' } }
    if (sign === ';' || sign === '{' || sign === '}') {
      reader.position++
      tokens.push({ kind: sign, line })
      continue
    }
    const word = sign === '"' || sign === "'" ? readQuoted(reader, sign) : readPlain(reader)
    if (typeof word !== 'string') return { tokens, problem: { line, ...word } }
    if (word.length > MAX_WORD_LENGTH) {
      return { tokens, problem: { line, message: `a word is longer than ${MAX_WORD_LENGTH} characters` } }
    }
    tokens.push({ kind: 'word', text: word, line, isQuoted: sign === '"' || sign === "'" })
  }
}

interface Reader {
  readonly text: string
  position: number
  line: number
}

function skipBlank(reader: Reader): void {
  const { text } = reader
  for (;;) {
    const char = text[reader.position]
    if (char === '\n') reader.line++
    else if (char === '#') {
      const end = text.indexOf('\n', reader.position)
      reader.position = end < 0 ? text.length : end
      continue
    } else if (char !== ' ' && char !== '\t' && char !== '\r') return
    reader.position++
  }
}

function readQuoted(reader: Reader, quote: string): string | { message: string } {
  const { text } = reader
  let word = ''
  for (reader.position++; reader.position < text.length; reader.position++) {
    const char = text[reader.position]
    if (char === quote) {
      reader.position++
      const next = text[reader.position]
      if (next === undefined || /[\s;{)]/.test(next)) return word
      return { message: `after a closing ${quote} must come a space, ";" or "{"` }
    }
    if (char === '\n') reader.line++
    word += char === '\\' ? readEscape(reader) : char
  }
  return { message: `a quote ${quote} is not closed` }
}

function readPlain(reader: Reader): string {
  const { text } = reader
  let word = ''
  for (; reader.position < text.length; reader.position++) {
    const char = text[reader.position] ?? ''
    if (char === '$' && text[reader.position + 1] === '{') {
      word += '${'
      reader.position++
      continue
    }
    if (/[\s;{]/.test(char)) break
    word += char === '\\' ? readEscape(reader) : char
  }
  return word
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  t: '\t',
  r: '\r',
  n: '\n',
}

/**
 * Reads an escape after a backslash. Before any other character the backslash stays, as regular expressions need it.
 */
function readEscape(reader: Reader): string {
  const next = reader.text[reader.position + 1]
  if (next === undefined) return '\\'
  reader.position++
  if (next === '\n') reader.line++
  return ESCAPES[next] ?? `\\${next}`
}
