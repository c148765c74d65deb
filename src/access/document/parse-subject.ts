import { isAccountName } from '../account-name.ts'
import type { SubjectName } from './access-document.ts'

/** Longest name of a line of an htpasswd file, or of a group of a directory, in characters. */
const MAX_FOREIGN_NAME = 255
const CONTROL_CHARACTER = /\p{Cc}/u

/** The account of a text such as `user:alice`; undefined if it names none. */
export function parseMember(text: string): SubjectName | undefined {
  const colon = text.indexOf(':')
  const kind = text.slice(0, colon)
  const name = text.slice(colon + 1)
  if (kind === 'user' || kind === 'robot') return isAccountName(name) ? text : undefined
  return kind === 'htpasswd' && isForeignName(name) ? text : undefined
}

/** Everyone, everyone with an account, the group (of this registry or of a directory) or the account of a text; undefined if it names none. */
export function parseSubject(text: string): SubjectName | undefined {
  if (text === 'anonymous' || text === 'signed-in') return text
  if (text.startsWith('group:')) return isAccountName(text.slice('group:'.length)) ? text : undefined
  if (text.startsWith('directory:')) return isForeignName(text.slice('directory:'.length)) ? text : undefined
  return parseMember(text)
}

function isForeignName(name: string): boolean {
  return name !== '' && name.length <= MAX_FOREIGN_NAME && !CONTROL_CHARACTER.test(name)
}
