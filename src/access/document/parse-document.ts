import { isAccountName } from '../account-name.ts'
import { RULE_ACTIONS, type RuleAction } from '../actions.ts'
import { parsePattern, type RepositoryPattern } from '../repository-pattern.ts'
import { VISIBILITIES, type Visibility } from '../rules.ts'
import {
  type AccessDocument,
  MAX_GROUPS,
  MAX_MEMBERS,
  MAX_RULES,
  type NamedGroup,
  type NamedRule,
  sortDocument,
} from './access-document.ts'
import { ACTION_WORDS, parseActions } from './parse-actions.ts'
import { parseMember, parseSubject } from './parse-subject.ts'

/** The first fault of a document, and its place: keys and indexes from the outside in. */
export class DocumentFault extends Error {
  override readonly name = 'DocumentFault'
  readonly path: readonly (string | number)[]

  constructor(path: readonly (string | number)[], message: string) {
    super(message)
    this.path = path
  }
}

type Path = readonly (string | number)[]

const WHO = 'must be anonymous, signed-in, group:NAME, directory:NAME, user:NAME, robot:NAME or htpasswd:NAME'
const WHERE =
  'must be the name of a repository, such as team/app, or end in a segment * or **, such as team/**'
const WHAT = `must be a list of ${ACTION_WORDS.join(', ')}`
const MEMBER = 'must be user:NAME, robot:NAME or htpasswd:NAME'

/**
 * Reads a document as a file has it: `groups`, an object of lists of members; `rules`, a list of `{ who, where, what }`,
 * of which each may be a list; `visibility`, an object of patterns. Errors: {@link DocumentFault}, also for a
 * rule about a group that the document does not have.
 */
export function parseAccessDocument(value: unknown): AccessDocument {
  const { groups, rules, visibility } = readObject(value, [], ['groups', 'rules', 'visibility'])
  const document = {
    groups: parseGroups(groups),
    rules: parseRules(rules),
    visibility: parseVisibility(visibility),
  }
  const known = new Set(document.groups.map(({ name }) => `group:${name}`))
  for (const { rule, path } of document.rules) {
    if (rule.who.startsWith('group:') && !known.has(rule.who))
      throw new DocumentFault([...path, 'who'], `${rule.who} is not among the groups`)
  }
  return sortDocument({ ...document, rules: joinRules(document.rules.map(({ rule }) => rule)) })
}

function parseGroups(value: unknown): NamedGroup[] {
  if (value === undefined || value === null) return []
  const entries = Object.entries(readObject(value, ['groups']))
  if (entries.length > MAX_GROUPS) throw new DocumentFault(['groups'], `must be at most ${MAX_GROUPS}`)
  let count = 0
  return entries.map(([name, list]) => {
    const path = ['groups', name]
    if (!isAccountName(name))
      throw new DocumentFault(path, 'must have a name of lower-case letters and digits')
    const members = readTexts(list ?? [], path, MEMBER).map(({ text, path: place }) => {
      const member = parseMember(text)
      if (member === undefined) throw new DocumentFault(place, MEMBER)
      return member
    })
    count += members.length
    if (count > MAX_MEMBERS) throw new DocumentFault(path, `must be at most ${MAX_MEMBERS} members in all`)
    return { name, members: [...new Set(members)] }
  })
}

interface PlacedRule {
  readonly rule: NamedRule
  readonly path: Path
}

function parseRules(value: unknown): PlacedRule[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new DocumentFault(['rules'], 'must be a list')
  const rules: PlacedRule[] = []
  for (const [index, entry] of value.entries()) {
    const path = ['rules', index]
    const { who, where, what } = readObject(entry, path, ['who', 'where', 'what'])
    const actions = readActions(what, [...path, 'what'])
    for (const subject of parseWho(who, [...path, 'who'])) {
      for (const place of parseWhere(where, [...path, 'where'])) {
        const rule = { who: subject, where: place, what: actions }
        if (subject === 'anonymous' && actions.some((action) => action !== 'pull'))
          throw new DocumentFault([...path, 'what'], 'must be pull alone for anonymous')
        rules.push({ rule, path })
        if (rules.length > MAX_RULES) throw new DocumentFault(['rules'], `must be at most ${MAX_RULES}`)
      }
    }
  }
  return rules
}

function parseWho(value: unknown, path: Path): string[] {
  return readTexts(value, path, WHO).map(({ text, path: place }) => {
    const subject = parseSubject(text)
    if (subject === undefined) throw new DocumentFault(place, WHO)
    return subject
  })
}

function parseWhere(value: unknown, path: Path): RepositoryPattern[] {
  return readTexts(value, path, WHERE).map(({ text, path: place }) => {
    const pattern = parsePattern(text)
    if (pattern === undefined) throw new DocumentFault(place, WHERE)
    return pattern
  })
}

function readActions(value: unknown, path: Path): readonly RuleAction[] {
  const texts = readTexts(value, path, WHAT)
  for (const { text, path: place } of texts)
    if (!ACTION_WORDS.includes(text)) throw new DocumentFault(place, WHAT)
  const actions = parseActions(texts.map(({ text }) => text))
  if (!actions) throw new DocumentFault(path, WHAT)
  return actions
}

function parseVisibility(value: unknown): AccessDocument['visibility'] {
  if (value === undefined || value === null) return []
  const entries = Object.entries(readObject(value, ['visibility']))
  if (entries.length > MAX_RULES) throw new DocumentFault(['visibility'], `must be at most ${MAX_RULES}`)
  return entries.map(([pattern, level]) => {
    const path = ['visibility', pattern]
    const where = parsePattern(pattern)
    if (where === undefined) throw new DocumentFault(path, WHERE)
    if (!VISIBILITIES.includes(level as Visibility))
      throw new DocumentFault(path, `must be ${VISIBILITIES.join(', ')}`)
    return { where, visibility: level as Visibility }
  })
}

/** Rules of one subject and pattern as one. */
function joinRules(rules: readonly NamedRule[]): NamedRule[] {
  const joined = new Map<string, NamedRule>()
  for (const rule of rules) {
    const key = `${rule.who} ${rule.where}`
    const known = joined.get(key)?.what ?? []
    const what = RULE_ACTIONS.filter((action) => known.includes(action) || rule.what.includes(action))
    joined.set(key, { ...rule, what })
  }
  return [...joined.values()]
}

function readObject(value: unknown, path: Path, keys?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new DocumentFault(
      path,
      keys ? `must have ${keys.join(', ')}` : 'must have names, each with a value',
    )
  for (const key of Object.keys(value))
    if (keys && !keys.includes(key))
      throw new DocumentFault([...path, key], `is not known here: ${keys.join(', ')} are`)
  return value as Record<string, unknown>
}

/** One text or several. */
function readTexts(value: unknown, path: Path, rule: string): { text: string; path: Path }[] {
  if (typeof value === 'string') return [{ text: value, path }]
  if (!Array.isArray(value)) throw new DocumentFault(path, rule)
  return value.map((text: unknown, index) => {
    if (typeof text !== 'string') throw new DocumentFault([...path, index], rule)
    return { text, path: [...path, index] }
  })
}
