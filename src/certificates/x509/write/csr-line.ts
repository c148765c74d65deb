import { CertificateError } from '../certificate-error.ts'
import type { CertificateKeyType } from './certificate-request.ts'
import type { CsrRequest } from './csr.ts'
import { isSubjectAttribute, type Subject, type SubjectAttribute } from './distinguished-name.ts'

/** Longest line: those of the pages have below 1,000 characters. */
const MAX_LINE_LENGTH = 8_192
/** Options of `openssl req` that change nothing here. */
const WITHOUT_MEANING: ReadonlySet<string> = new Set([
  ...['-new', '-nodes', '-noenc', '-batch', '-utf8', '-text', '-verbose', '-sha256', '-sha384', '-sha512'],
  ...['-genkey', '-noout', '-param_enc'],
])
/** Options with a value that changes nothing here. */
const WITHOUT_MEANING_VALUE: ReadonlySet<string> = new Set([
  '-nameopt',
  '-outform',
  '-keyform',
  '-reqexts',
  '-extensions',
])
const CURVES: Readonly<Record<string, CertificateKeyType>> = {
  prime256v1: 'ec-256',
  'P-256': 'ec-256',
  secp256r1: 'ec-256',
  secp384r1: 'ec-384',
  'P-384': 'ec-384',
}

/** Content of a line; files as it names them. */
export interface CsrLine extends CsrRequest {
  readonly csrFile: string | undefined
  readonly keyFile: string | undefined
}

/** True for an openssl command, false for a name. */
export function isCsrLine(text: string): boolean {
  return /^\s*(?:\$\s*)?openssl\s/.test(text)
}

/**
 * Reads the line of a CA's page that is to be pasted into a shell, such as `openssl req -new -newkey rsa:2048 -nodes
 * -out www_example_com.csr -keyout www_example_com.key -subj "/C=US/CN=www.example.com"`. Nothing is run. Errors:
 * `CSR_LINE_INVALID`.
 */
export function parseCsrLine(line: string): CsrLine {
  if (line.length > MAX_LINE_LENGTH) throw invalid('It is too long')
  const words = splitWords(line.replace(/^\s*\$\s*/, ''))
  const commands = splitCommands(words)
  const request: Reading = {
    names: [],
    subject: [],
    keyType: 'rsa-2048',
    csrFile: undefined,
    keyFile: undefined,
  }
  for (const [program, verb, ...args] of commands) {
    if (program !== 'openssl') throw invalid(`${JSON.stringify(program)} is no openssl command`)
    if (verb === 'req') readOptions(args, request, readRequestOption)
    else if (verb === 'ecparam' || verb === 'genrsa') readOptions(args, request, readKeyOption)
    else throw invalid(`openssl ${verb ?? ''} does not make a request`)
  }
  const commonName = request.subject.find(([name]) => name === 'CN')?.[1]
  const names = [...(commonName === undefined ? [] : [commonName]), ...request.names]
  if (names.length === 0) throw invalid('It names no host: its -subj has no CN')
  return { ...request, names: [...new Set(names)] }
}

interface Reading {
  names: string[]
  subject: Subject
  keyType: CertificateKeyType
  csrFile: string | undefined
  keyFile: string | undefined
}

/** @returns the number of words read. */
type OptionReader = (option: string, value: string | undefined, reading: Reading) => 1 | 2

function readOptions(args: readonly string[], reading: Reading, read: OptionReader): void {
  for (let index = 0; index < args.length; ) {
    const option = (args[index] ?? '').replace(/^--/, '-')
    if (WITHOUT_MEANING.has(option)) index += 1
    else if (WITHOUT_MEANING_VALUE.has(option)) index += 2
    else index += read(option, args[index + 1], reading)
  }
}

function readRequestOption(option: string, value: string | undefined, reading: Reading): 1 | 2 {
  if (value === undefined) throw invalid(`${option} is not followed by a value, or is unknown`)
  if (option === '-newkey') reading.keyType = parseKeyType(value, reading.keyType)
  else if (option === '-pkeyopt') reading.keyType = parseCurve(value.replace(/^ec_paramgen_curve:/, ''))
  else if (option === '-out') reading.csrFile = value
  else if (option === '-keyout' || option === '-key') reading.keyFile = value
  else if (option === '-subj') reading.subject = parseSubject(value)
  else if (option === '-addext') reading.names.push(...parseNames(value))
  else throw invalid(`${option} is not understood`)
  return 2
}

/** Commands that make a key for a request that follows. */
function readKeyOption(option: string, value: string | undefined, reading: Reading): 1 | 2 {
  if (/^\d+$/.test(option)) {
    reading.keyType = parseRsaBits(option)
    return 1
  }
  if (value === undefined) throw invalid(`${option} is not followed by a value, or is unknown`)
  if (option === '-out') reading.keyFile = value
  else if (option === '-name') reading.keyType = parseCurve(value)
  else throw invalid(`${option} is not understood`)
  return 2
}

function parseKeyType(value: string, before: CertificateKeyType): CertificateKeyType {
  if (value === 'ec') return before.startsWith('ec') ? before : 'ec-256'
  const bits = /^rsa:(\d+)$/.exec(value)?.[1]
  if (bits === undefined) throw invalid(`-newkey ${value} is not understood`)
  return parseRsaBits(bits)
}

function parseRsaBits(bits: string): CertificateKeyType {
  if (bits === '2048' || bits === '3072' || bits === '4096') return `rsa-${bits}`
  throw invalid(`RSA with ${bits} bits is not made: 2048, 3072 and 4096 are`)
}

function parseCurve(name: string): CertificateKeyType {
  const type = CURVES[name]
  if (type === undefined) throw invalid(`The curve ${name} is not made: prime256v1 and secp384r1 are`)
  return type
}

/** `/C=US/O=Example Inc/CN=…`; a backslash makes the next character plain, and a part without `=` belongs to the one before. */
function parseSubject(text: string): Subject {
  const parts = text.match(/(?:\\.|[^/\\])+/g) ?? []
  const subject: [SubjectAttribute, string][] = []
  for (const part of parts) {
    const plain = part.replace(/\\(.)/g, '$1')
    const equals = plain.indexOf('=')
    const name = plain.slice(0, equals)
    const last = subject.at(-1)
    if (equals > 0 && isSubjectAttribute(name)) subject.push([name, plain.slice(equals + 1).trim()])
    else if (equals > 0) throw invalid(`The part ${JSON.stringify(name)} of -subj is not understood`)
    else if (last) last[1] += `/${plain}`
  }
  return subject.filter(([, value]) => value !== '')
}

function parseNames(extension: string): string[] {
  const list = /^\s*subjectAltName\s*=\s*(.*)$/.exec(extension)?.[1]
  if (list === undefined) return []
  return list.split(',').flatMap((entry) => /^\s*(?:DNS|IP)\s*:\s*(\S+)\s*$/.exec(entry)?.[1] ?? [])
}

/** Words as a shell splits them: quotes, backslashes, a backslash at the end of a line. */
function splitWords(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  const text = line.replace(/[\u201c\u201d]/g, '"').replace(/\\\r?\n/g, ' ')
  for (let index = 0; index < text.length; index++) {
    const letter = text.charAt(index)
    if (quote !== '') {
      if (letter === quote) quote = ''
      else if (letter === '\\' && quote === '"' && /["\\$`]/.test(text.charAt(index + 1)))
        word += text.charAt(++index)
      else word += letter
    } else if (letter === '"' || letter === "'") {
      quote = letter
      word ??= ''
    } else if (letter === '\\') word = (word ?? '') + text.charAt(++index)
    else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + letter
  }
  if (quote !== '') throw invalid('A quotation mark is not closed')
  return word === undefined ? words : [...words, word]
}

function splitCommands(words: readonly string[]): string[][] {
  const commands: string[][] = [[]]
  for (const word of words) {
    if (word === '&&' || word === ';') commands.push([])
    else commands.at(-1)?.push(word)
  }
  return commands.filter((command) => command.length > 0)
}

function invalid(why: string): CertificateError {
  return new CertificateError(
    'CSR_LINE_INVALID',
    `The openssl line cannot be used: ${why}`,
    'Give the names alone instead: berth cert csr www.example.com',
  )
}
