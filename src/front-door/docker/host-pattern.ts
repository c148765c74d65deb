import { compileRegex } from '../directives/regex.ts'
import { normalizeHost, parseAuthority } from '../host-name.ts'
import { quote } from './variables.ts'

/** Longest path or destination, in characters. */
const MAX_PATH_LENGTH = 1_024
/** Anything that ends a word or a line. */
const CONTROL = /\p{Cc}/u

/** What was meant, perhaps with what had to be guessed; or why it cannot be used. */
export type Reading = { readonly value: string; readonly note?: string } | { readonly problem: string }

/**
 * Reads a host as nginx names one: `app.example.com`, `*.example.com`, `.example.com`, `app.*`, `~^app\d+\.example$`.
 * Names come out in lower case and ASCII.
 */
export function readHostPattern(text: string): Reading {
  if (text.startsWith('~')) {
    const compiled = text.length > 1 ? compileRegex(text.slice(1), true) : { problem: 'it is empty' }
    return 'problem' in compiled
      ? { problem: `${quote(text)} is no host: ${compiled.problem}` }
      : { value: text }
  }
  const [, before = '', name = '', after = ''] = /^(\*?\.)?(.*?)(\.\*)?$/s.exec(text) ?? []
  const host = before && after ? undefined : normalizeHost(name)
  if (host !== undefined) return { value: `${before}${host}${after}` }
  const address = before || after ? undefined : parseAuthority(`[${text.replace(/^\[|\]$/g, '')}]`)?.host
  return address === undefined
    ? { problem: `${quote(text)} is no host name: ${whyNoHost(text)}` }
    : { value: address }
}

function whyNoHost(text: string): string {
  if (/^[a-z]+:\/\//i.test(text)) return 'give the name alone, without scheme and path'
  if (/:\d+$/.test(text)) return 'give the name alone; the port of the container goes into VIRTUAL_PORT'
  if (text.includes('/')) return 'give the name alone; a path goes into VIRTUAL_PATH'
  if (text.includes('*')) return 'a star stands for whole parts at the beginning or the end: *.example.com'
  return 'names have letters, digits, dots and hyphens'
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

/** Whether a location is a regular expression. */
export function isRegexLocation(path: string): boolean {
  return path.startsWith('~')
}

/** Reads what takes the place of a path. */
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
