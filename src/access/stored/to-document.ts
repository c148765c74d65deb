import { type AccessDocument, sortDocument } from '../document/access-document.ts'
import { isStoredAsItIs } from './foreign-names.ts'
import type { StoredRows } from './stored-rows.ts'

/** Names by id, of groups and accounts. */
export type NamesById = ReadonlyMap<string, string>

/**
 * Rows as a document. What refers to accounts that are gone is left out: their ids are never given again, so that it
 * allows nobody anything.
 */
export function toDocument(rows: StoredRows, accounts: NamesById): AccessDocument {
  const nameOf = (id: string): string | undefined => {
    if (isStoredAsItIs(id)) return id
    const group = rows.groupNames.get(id)
    return group === undefined ? accounts.get(id) : `group:${group}`
  }
  return sortDocument({
    groups: rows.groups.map(({ id, members }) => ({
      name: rows.groupNames.get(id) ?? '',
      members: members.map(nameOf).filter((name) => name !== undefined),
    })),
    rules: rows.rules.flatMap(({ who, where, what }) => {
      const name = nameOf(who)
      return name === undefined || what.length === 0 ? [] : [{ who: name, where, what }]
    }),
    visibility: rows.visibility,
  })
}
