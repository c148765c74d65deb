import type { RuleAction } from '../../../access/actions.ts'
import type { SubjectName } from '../../../access/document/access-document.ts'
import { ACTION_WORDS, parseActions } from '../../../access/document/parse-actions.ts'
import { parseMember, parseSubject } from '../../../access/document/parse-subject.ts'
import { parsePattern, type RepositoryPattern } from '../../../access/repository-pattern.ts'
import { CliError } from '../../errors/cli-error.ts'

/** The subject of a rule; a name alone is that of a user. Errors: `CliError` `USAGE`. */
export function parseWho(text: string): SubjectName {
  return require(parseSubject(
    withKind(text),
  ), text, 'is nobody: use anonymous, signed-in, group:NAME, directory:NAME, a user, robot:NAME or htpasswd:NAME')
}

/** A member of a group; a name alone is that of a user. Errors: `CliError` `USAGE`. */
export function parseMemberName(text: string): SubjectName {
  return require(parseMember(
    withKind(text),
  ), text, 'is no account: use the name of a user, robot:NAME or htpasswd:NAME')
}

/** Errors: `CliError` `USAGE`. */
export function parseWhere(text: string): RepositoryPattern {
  return require(parsePattern(text), text, 'names no repositories: use team/app, team/* or team/**')
}

/** Errors: `CliError` `USAGE`. */
export function parseWhat(words: readonly string[]): readonly RuleAction[] {
  const split = words.flatMap((word) => word.split(','))
  return require(parseActions(split), words.join(
    ' ',
  ), `is no list of actions: use ${ACTION_WORDS.join(', ')}`)
}

function withKind(text: string): string {
  return text === 'anonymous' || text === 'signed-in' || text.includes(':') ? text : `user:${text}`
}

function require<T>(value: T | undefined, text: string, why: string): T {
  if (value !== undefined) return value
  throw new CliError('USAGE', `"${text.slice(0, 100)}" ${why}`)
}
