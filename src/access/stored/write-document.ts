import type { Transaction } from 'kysely'
import { AccessError } from '../access-error.ts'
import type { AccessDocument, SubjectName } from '../document/access-document.ts'
import { isStoredAsItIs } from './foreign-names.ts'
import type { AccessSchema } from './schema.ts'
import { formatActions, groupId, type StoredRows } from './stored-rows.ts'

type Writes = Transaction<AccessSchema>

/** Rows in one statement: their values stay below 32,766, the smallest bound that an engine has. */
const BATCH = 500

/** Ids by name with its kind, such as `user:alice`. */
type IdsByName = ReadonlyMap<string, string>

/** A row of each table as one text, by which old and new ones are compared. */
interface Rows {
  readonly members: ReadonlySet<string>
  readonly rules: ReadonlySet<string>
  readonly visibility: ReadonlySet<string>
}

const SEPARATOR = '\n'

/**
 * Makes the rows those of a document: groups that it has keep their ids, and only rows that differ are written. Errors:
 * `AccessError` `ACCESS_INVALID` if it names an account that does not exist.
 */
export async function writeDocument(
  tx: Writes,
  document: AccessDocument,
  { present, accounts }: { present: StoredRows; accounts: IdsByName },
): Promise<void> {
  const groups = await writeGroups(tx, document, present)
  const toId = (name: SubjectName): string => findId(name, { groups, accounts })
  const before: Rows = {
    members: new Set(present.groups.flatMap(({ id, members }) => members.map((one) => join(id, one)))),
    rules: new Set(present.rules.map(({ who, where, what }) => join(who, where, formatActions(what)))),
    visibility: new Set(present.visibility.map(({ where, visibility }) => join(where, visibility))),
  }
  const after: Rows = {
    members: new Set(
      document.groups.flatMap(({ name, members }) =>
        members.map((member) => join(groups.get(name) ?? '', toId(member))),
      ),
    ),
    rules: new Set(document.rules.map(({ who, where, what }) => join(toId(who), where, formatActions(what)))),
    visibility: new Set(document.visibility.map(({ where, visibility }) => join(where, visibility))),
  }
  await writeMembers(tx, before.members, after.members)
  await writeRules(tx, before.rules, after.rules)
  await writeVisibility(tx, before.visibility, after.visibility)
}

/** Id of each group by its name. */
async function writeGroups(
  tx: Writes,
  document: AccessDocument,
  { groupNames }: StoredRows,
): Promise<Map<string, string>> {
  const ids = new Map([...groupNames].map(([id, name]) => [name, id]))
  const wanted = new Set(document.groups.map(({ name }) => name))
  for (const [name, id] of ids) {
    if (wanted.has(name)) continue
    // Its members go with it, by their foreign key.
    await tx.deleteFrom('access_groups').where('id', '=', rowOf(id)).execute()
    ids.delete(name)
  }
  for (const name of wanted) {
    if (ids.has(name)) continue
    const { id } = await tx
      .insertInto('access_groups')
      .values({ name })
      .returning('id')
      .executeTakeFirstOrThrow()
    ids.set(name, groupId(id))
  }
  return ids
}

function findId(name: SubjectName, { groups, accounts }: { groups: IdsByName; accounts: IdsByName }): string {
  if (isStoredAsItIs(name)) return name
  const id = name.startsWith('group:') ? groups.get(name.slice('group:'.length)) : accounts.get(name)
  if (id !== undefined) return id
  throw new AccessError(
    'ACCESS_INVALID',
    `There is no ${name.replace(':', ' "')}"`,
    'Run "berth user list" for the accounts; a line of an htpasswd file is named htpasswd:NAME',
  )
}

async function writeMembers(tx: Writes, before: Rows['members'], after: Rows['members']): Promise<void> {
  for (const row of difference(before, after)) {
    const [id, member] = split(row)
    await tx
      .deleteFrom('access_members')
      .where('group_id', '=', rowOf(id))
      .where('member', '=', member)
      .execute()
  }
  for (const rows of batches(difference(after, before))) {
    const values = rows.map(split).map(([id, member]) => ({ group_id: rowOf(id), member }))
    await tx.insertInto('access_members').values(values).execute()
  }
}

async function writeRules(tx: Writes, before: Rows['rules'], after: Rows['rules']): Promise<void> {
  for (const row of difference(before, after)) {
    const [who, place] = split(row)
    await tx.deleteFrom('access_rules').where('who', '=', who).where('place', '=', place).execute()
  }
  for (const rows of batches(difference(after, before))) {
    const values = rows.map(split).map(([who, place, what]) => ({ who, place, what }))
    await tx.insertInto('access_rules').values(values).execute()
  }
}

async function writeVisibility(
  tx: Writes,
  before: Rows['visibility'],
  after: Rows['visibility'],
): Promise<void> {
  for (const row of difference(before, after)) {
    const [place] = split(row)
    await tx.deleteFrom('access_visibility').where('place', '=', place).execute()
  }
  for (const rows of batches(difference(after, before))) {
    const values = rows.map(split).map(([place, visibility]) => ({ place, visibility }))
    await tx.insertInto('access_visibility').values(values).execute()
  }
}

function difference(one: ReadonlySet<string>, other: ReadonlySet<string>): string[] {
  return [...one].filter((row) => !other.has(row))
}

function batches(rows: readonly string[]): string[][] {
  const found = []
  for (let at = 0; at < rows.length; at += BATCH) found.push(rows.slice(at, at + BATCH))
  return found
}

/** No name, pattern or id has a line break. */
function join(...parts: readonly string[]): string {
  return parts.join(SEPARATOR)
}

function split(row: string): [string, string, string] {
  const [first = '', second = '', third = ''] = row.split(SEPARATOR)
  return [first, second, third]
}

function rowOf(id: string): number {
  return Number(id.slice('group:'.length))
}
