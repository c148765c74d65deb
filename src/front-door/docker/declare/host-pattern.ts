import { quote } from '../../sites/quote.ts'
import { compileRegex } from '../../vhost/regex/regex.ts'
import { normalizeHost, parseAuthority } from '../../visit/address/host-name.ts'

/** Longest path or destination, in characters. */
const MAX_PATH_LENGTH = 1_024
/** Control characters, which could end a word or a line. */
const CONTROL = /\p{Cc}/u

/** A value, perhaps with a note about a guess; or the reason why it cannot be used. */
export type Reading = { readonly value: string; readonly note?: string } | { readonly problem: string }

/** A host; or the fault of its name, and the remedy, a sentence without its end each. */
type HostReading = { readonly value: string } | { readonly cause: string; readonly fix: string }

/**
 * Reads a host as in nginx: `app.example.com`, `*.example.com`, `.example.com`, `app.*`, `~^app\d+\.example$`. The
 * result is in lower case and ASCII.
 */
export function readHostPattern(text: string): HostReading {
  if (text.startsWith('~')) {
    const compiled = text.length > 1 ? compileRegex(text.slice(1), true) : { problem: 'it is empty' }
    return 'problem' in compiled
      ? { cause: `${quote(text)} is no host: ${compiled.problem}`, fix: 'Mend the regular expression' }
      : { value: text }
  }
  const [, before = '', name = '', after = ''] = /^(\*?\.)?(.*?)(\.\*)?$/s.exec(text) ?? []
  const host = before && after ? undefined : normalizeHost(name)
  if (host !== undefined) return { value: `${before}${host}${after}` }
  const address = before || after ? undefined : parseAuthority(`[${text.replace(/^\[|\]$/g, '')}]`)?.host
  return address === undefined
    ? { cause: `${quote(text)} is no host name`, fix: fixHost(text) }
    : { value: address }
}

function fixHost(text: string): string {
  if (/["'`]/.test(text))
    return 'Leave the quotes out: an env file, and a list in a compose file, keep them as a part of the value'
  if (/[\s;|]/.test(text)) return 'Separate names by commas'
  if (/\$[\w{]/.test(text)) return 'Fill in the variable: what started the container left it as it stands'
  if (/^[a-z]+:\/\//i.test(text)) return 'Give the name alone, without scheme, port and path'
  if (/:\d+$/.test(text)) return 'Give the name alone; the port of the container goes into VIRTUAL_PORT'
  if (text.includes('/')) return 'Give the name alone; a path goes into VIRTUAL_PATH'
  if (text.includes('*')) return 'Let a star stand for whole parts at the beginning or the end: *.example.com'
  if (/^[\^(\\]|[\\^]|\$$/.test(text)) return 'Begin a regular expression with ~, as nginx wants it'
  return 'Give names of letters, digits, dots and hyphens'
}

/**
 * The names of a comma-separated list. A comma inside the braces, brackets or parentheses of a regular expression
 * belongs to it, as does one after a backslash.
 */
export function splitHosts(text: string): string[] {
  const names: string[] = []
  let start = 0
  let isRegex = false
  let depth = 0
  let isSet = false
  for (let at = 0; at <= text.length; at++) {
    const sign = text[at]
    if (sign === undefined || (sign === ',' && depth === 0 && !isSet)) {
      names.push(text.slice(start, at).trim())
      start = at + 1
      isRegex = false
      continue
    }
    isRegex ||= sign === '~' && text.slice(start, at).trim() === ''
    if (!isRegex) continue
    if (sign === '\\') at++
    else if (isSet) isSet = sign !== ']'
    else if (sign === '[') isSet = true
    else if (sign === '(' || sign === '{') depth++
    else if ((sign === ')' || sign === '}') && depth > 0) depth--
  }
  return names.filter((name) => name !== '')
}

/** Reads a path as an nginx location: `/`, `/api/`, `= /x`, `^~ /x`, `~ \.php$`. */
export function readLocation(text: string): Reading {
  const problem = (why: string): Reading => ({ problem: `the path ${quote(text)} cannot be used: ${why}` })
  if (CONTROL.test(text)) return problem('it holds control characters')
  if (text.length > MAX_PATH_LENGTH) return problem(`it is longer than ${MAX_PATH_LENGTH} characters`)
  const [, modifier = '', rest = ''] = /^(=|\^~|~\*|~)?\s*(.*)$/.exec(text) ?? []
  if (modifier.startsWith('~')) {
    if (/\s/.test(rest)) return problem('it holds white space')
    const compiled = compileRegex(rest, modifier === '~*')
    if ('problem' in compiled) return problem(compiled.problem)
    return rest === '' ? problem('it is empty') : { value: text }
  }
  if (/\s/.test(rest)) return problem('it holds white space')
  if (rest.startsWith('/')) return { value: text }
  if (rest.startsWith('@') || rest === '') return problem('it must begin with a slash')
  const value = `${modifier}${modifier && ' '}/${rest}`
  return { value, note: `the path ${quote(text)} has no slash in front: ${quote(value)} is taken` }
}

/** True if a location is a regular expression. */
export function isRegexLocation(path: string): boolean {
  return path.startsWith('~')
}

/** Reads the replacement of a path. */
export function readDestination(text: string): Reading {
  if (CONTROL.test(text) || /\s/.test(text) || text.length > MAX_PATH_LENGTH) {
    return { problem: `the destination ${quote(text)} cannot be used: it is no path` }
  }
  if (text === '' || text.startsWith('/')) return { value: text }
  return {
    value: `/${text}`,
    note: `the destination ${quote(text)} has no slash in front: "/${text}" is taken`,
  }
}
