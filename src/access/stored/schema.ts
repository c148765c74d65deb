import type { Generated } from 'kysely'

/** The tables of access, one interface each. Times are milliseconds since 1970 (UTC). */
export interface AccessSchema {
  access_groups: AccessGroupTable
  access_members: AccessMemberTable
  access_rules: AccessRuleTable
  access_visibility: AccessVisibilityTable
  access_state: AccessStateTable
}

/** A group: rules refer to its id, which a group of the same name made later does not get. */
interface AccessGroupTable {
  id: Generated<number>
  name: string
}

interface AccessMemberTable {
  group_id: number
  /** Id of an account, `user:1`, or `htpasswd:NAME` for a line of a file. */
  member: string
}

interface AccessRuleTable {
  /** `anonymous`, `signed-in`, `group:1`, or an account as in {@link AccessMemberTable}. */
  who: string
  /** Pattern of repositories. */
  place: string
  /** Actions, separated by commas. */
  what: string
}

interface AccessVisibilityTable {
  /** Pattern of repositories. */
  place: string
  visibility: string
}

/** One row, changed with each change of the other tables: what was read before counts as long as it is the same. */
interface AccessStateTable {
  /** Always 1. */
  id: number
  version: number
  changed_at: number
  /** Name of the account, or `(command)`. */
  changed_by: string | null
}
