import { isAccountName } from '../account-name.ts'
import type { SubjectName } from './access-document.ts'

/** Longest name of a line of an htpasswd file, in characters. */
const MAX_LINE_NAME = 255
const CONTROL_CHARACTER = /\p{Cc}/u

/** The account of a text such as `user:alice`; undefined if it names none. */
export function parseMember(text: string): SubjectName | undefined {
  const colon = text.indexOf(':')
  const kind = text.slice(0, colon)
  const name = text.slice(colon + 1)
  if (kind === 'user' || kind === 'robot') return isAccountName(name) ? text : undefined
  if (kind !== 'htpasswd') return undefined
  return name !== '' && name.length <= MAX_LINE_NAME && !CONTROL_CHARACTER.test(name) ? text : undefined
}

/** Everyone, everyone with an account, the group or the account of a text; undefined if it names none. */
export function parseSubject(text: string): SubjectName | undefined {
  if (text === 'anonymous' || text === 'signed-in') return text
  if (text.startsWith('group:')) return isAccountName(text.slice('group:'.length)) ? text : undefined
  return parseMember(text)
}
