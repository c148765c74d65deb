import type { Queries } from '../../database/database.ts'
import { RULE_ACTIONS, type RuleAction } from '../actions.ts'
import type { RepositoryPattern } from '../repository-pattern.ts'
import type { RuleSet, Visibility } from '../rules.ts'
import type { AccessSchema } from './schema.ts'

/** All rows about access, with the names of the groups. */
export interface StoredRows extends RuleSet {
  /** Name of each group by its id, such as `group:1`. */
  readonly groupNames: ReadonlyMap<string, string>
}

/** Reads all rows. In a transaction they are of one moment; outside, the caller compares the state before and after. */
export async function readRows(db: Queries<AccessSchema>): Promise<StoredRows> {
  const groups = await db.selectFrom('access_groups').selectAll().execute()
  const members = await db.selectFrom('access_members').selectAll().execute()
  const rules = await db.selectFrom('access_rules').selectAll().execute()
  const visibility = await db.selectFrom('access_visibility').selectAll().execute()
  const membersOf = Map.groupBy(members, ({ group_id }) => group_id)
  return {
    groupNames: new Map(groups.map(({ id, name }) => [groupId(id), name])),
    groups: groups.map(({ id }) => ({
      id: groupId(id),
      members: (membersOf.get(id) ?? []).map(({ member }) => member),
    })),
    rules: rules.map(({ who, place, what }) => ({
      who,
      where: place as RepositoryPattern,
      what: parseActions(what),
    })),
    visibility: visibility.map((row) => ({
      where: row.place as RepositoryPattern,
      visibility: row.visibility as Visibility,
    })),
  }
}

/** Id of a group, from that of its row. */
export function groupId(row: number): string {
  return `group:${row}`
}

/** Actions as a row has them. */
export function formatActions(actions: readonly RuleAction[]): string {
  return actions.join(',')
}

/** An action that this version does not know allows nothing. */
function parseActions(text: string): RuleAction[] {
  const words = text.split(',')
  return RULE_ACTIONS.filter((action) => words.includes(action))
}
