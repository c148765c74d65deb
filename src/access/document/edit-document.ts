import { AccessError } from '../access-error.ts'
import { RULE_ACTIONS } from '../actions.ts'
import type { RepositoryPattern } from '../repository-pattern.ts'
import type { Visibility } from '../rules.ts'
import type { AccessDocument, NamedRule, SubjectName } from './access-document.ts'

const LIST_GROUPS = 'Run "berth group list" to list the groups'
const LIST_RULES = 'Run "berth access list" to list the rules'

/** Allows what a rule says, in addition to what the same subject may do there. */
export function grantRule(document: AccessDocument, rule: NamedRule): AccessDocument {
  if (rule.who.startsWith('group:')) requireGroup(document, rule.who.slice('group:'.length))
  if (rule.who === 'anonymous' && rule.what.some((action) => action !== 'pull')) {
    throw new AccessError(
      'ACCESS_INVALID',
      'Without an account nothing but pull can be allowed',
      'Grant the rest to signed-in, a group or an account',
    )
  }
  const known = document.rules.find((other) => isSame(other, rule))?.what ?? []
  const what = RULE_ACTIONS.filter((action) => known.includes(action) || rule.what.includes(action))
  return withRule(document, { ...rule, what })
}

/** Takes back what a rule says; a rule that allows nothing more goes. Errors: `AccessError` `ACCESS_UNKNOWN`. */
export function revokeRule(document: AccessDocument, rule: NamedRule): AccessDocument {
  const known = document.rules.find((other) => isSame(other, rule))
  if (!known?.what.some((action) => rule.what.includes(action))) {
    throw new AccessError(
      'ACCESS_UNKNOWN',
      `No rule allows ${rule.who} ${rule.what.join(', ')} in ${rule.where}`,
      LIST_RULES,
    )
  }
  return withRule(document, { ...rule, what: known.what.filter((action) => !rule.what.includes(action)) })
}

/** Sets the visibility of a pattern; undefined: that of wider patterns counts again. */
export function setVisibility(
  document: AccessDocument,
  where: RepositoryPattern,
  visibility: Visibility | undefined,
): AccessDocument {
  const others = document.visibility.filter((entry) => entry.where !== where)
  if (visibility === undefined && others.length === document.visibility.length)
    throw new AccessError('ACCESS_UNKNOWN', `No visibility is set for ${where}`, LIST_RULES)
  return { ...document, visibility: visibility ? [...others, { where, visibility }] : others }
}

/** Makes an empty group. Errors: `AccessError` `ACCESS_INVALID` if there is one. */
export function addGroup(document: AccessDocument, name: string): AccessDocument {
  if (document.groups.some((group) => group.name === name))
    throw new AccessError('ACCESS_INVALID', `There is a group "${name}" already`, 'Choose another name')
  return { ...document, groups: [...document.groups, { name, members: [] }] }
}

/** Removes a group with the rules about it. Errors: `AccessError` `ACCESS_UNKNOWN`. */
export function removeGroup(document: AccessDocument, name: string): AccessDocument {
  requireGroup(document, name)
  return {
    ...document,
    groups: document.groups.filter((group) => group.name !== name),
    rules: document.rules.filter(({ who }) => who !== `group:${name}`),
  }
}

/** Adds members to a group, or removes them. Errors: `AccessError` `ACCESS_UNKNOWN`. */
export function changeMembers(
  document: AccessDocument,
  name: string,
  { add = [], remove = [] }: { add?: readonly SubjectName[]; remove?: readonly SubjectName[] },
): AccessDocument {
  const { members } = requireGroup(document, name)
  for (const member of remove) {
    if (!members.includes(member))
      throw new AccessError('ACCESS_UNKNOWN', `${member} is no member of "${name}"`, LIST_GROUPS)
  }
  const left = members.filter((member) => !remove.includes(member))
  const changed = { name, members: [...new Set([...left, ...add])] }
  return { ...document, groups: document.groups.map((group) => (group.name === name ? changed : group)) }
}

function requireGroup(document: AccessDocument, name: string): AccessDocument['groups'][number] {
  const group = document.groups.find((other) => other.name === name)
  if (group) return group
  throw new AccessError('ACCESS_UNKNOWN', `There is no group "${name}"`, LIST_GROUPS)
}

function withRule(document: AccessDocument, rule: NamedRule): AccessDocument {
  const others = document.rules.filter((other) => !isSame(other, rule))
  return { ...document, rules: rule.what.length === 0 ? others : [...others, rule] }
}

function isSame(one: NamedRule, other: NamedRule): boolean {
  return one.who === other.who && one.where === other.where
}
