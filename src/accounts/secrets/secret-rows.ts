import type { Selectable } from 'kysely'
import type { Limits } from '../../access/limits.ts'
import type { Database, FirstRow, Queries } from '../../database/database.ts'
import type { Account } from '../accounts.ts'
import type { AccountSecretTable, AccountsSchema } from '../schema.ts'
import { parseHeldNames } from '../users/name-ownership.ts'
import { robotAccountId, userId } from '../users/user-rows.ts'

/** A row of the table of secrets. */
export type SecretRow = Selectable<AccountSecretTable>

/** The account behind a credential: a robot if there is one, and the user of a token or the owner of a robot. */
export interface HolderRow {
  readonly robot_id: number | null
  readonly robot_name: string | null
  readonly robot_owner: number | null
  readonly robot_limits: string | null
  readonly robot_disabled: number | null
  readonly robot_version: number | null
  readonly robot_created_at: number | null
  readonly holder_id: number | null
  readonly holder_name: string | null
  readonly held_names: string | null
  readonly directory_groups: string | null
  readonly directory_id: string | null
  readonly is_admin: number | null
  readonly is_disabled: number | null
  readonly user_version: number | null
  readonly user_created_at: number | null
}

/** A secret with the account that it belongs to. */
export type HeldSecretRow = SecretRow & HolderRow

/** Columns of a {@link HolderRow}, of the tables `robots` and `users` under the names `r` and `u`. */
export const HOLDER_COLUMNS = [
  'r.name as robot_name',
  'r.owner_id as robot_owner',
  'r.limits as robot_limits',
  'r.is_disabled as robot_disabled',
  'r.version as robot_version',
  'r.created_at as robot_created_at',
  'u.id as holder_id',
  'u.name as holder_name',
  'u.held_names',
  'u.directory_groups',
  'u.directory_id',
  'u.is_admin',
  'u.is_disabled',
  'u.version as user_version',
  'u.created_at as user_created_at',
] as const

/** Finds secrets by one of their columns. Their queries are compiled once: they are run for each request. */
interface SecretFinders {
  readonly byHash: FirstRow<HeldSecretRow>
  readonly byPreviousHash: FirstRow<HeldSecretRow>
  readonly byId: FirstRow<HeldSecretRow>
}

/** Makes the finders. */
export function createSecretFinders({ read, prepareFirst }: Database<AccountsSchema>): SecretFinders {
  const by = (column: 's.hash' | 's.previous_hash' | 's.id') =>
    prepareFirst<HeldSecretRow>(selectHeld(read).where(column, '=', '').compile())
  return { byHash: by('s.hash'), byPreviousHash: by('s.previous_hash'), byId: by('s.id') }
}

function selectHeld(read: Queries<AccountsSchema>) {
  return read
    .selectFrom('account_secrets as s')
    .leftJoin('robots as r', 'r.id', 's.robot_id')
    .leftJoin('users as u', (join) =>
      join.on((eb) => eb('u.id', '=', eb.fn.coalesce('s.user_id', 'r.owner_id'))),
    )
    .selectAll('s')
    .select(HOLDER_COLUMNS)
}

/** Limits as they are stored. */
export function formatLimits(limits: Limits | undefined): string {
  return limits === undefined ? '' : JSON.stringify(limits)
}

/** The opposite of {@link formatLimits}. */
export function parseLimits(text: string | null): Limits | undefined {
  return text === null || text === '' ? undefined : (JSON.parse(text) as Limits)
}

/**
 * The account of a credential. The versions of all rows that its rights depend on are in its version, so that a change of
 * any ends what was issued before.
 */
export function toHolder(row: HolderRow, credential: { id: string; limits: string }): Account {
  const isRobot = row.robot_id !== null
  const parts = [
    ...(row.holder_id === null ? [] : [`${row.holder_id}.${row.user_version}`]),
    ...(isRobot ? [`r${row.robot_id}.${row.robot_version}`] : []),
    credential.id,
  ]
  const holderId = row.holder_id === null ? undefined : userId(row.holder_id)
  return {
    id: isRobot ? robotAccountId(row.robot_id) : (holderId ?? ''),
    name: (isRobot ? row.robot_name : row.holder_name) ?? '',
    owns:
      row.holder_name === null
        ? []
        : [row.holder_name, ...parseHeldNames({ held_names: row.held_names ?? '[]' })],
    isAdmin: row.is_admin === 1,
    isDisabled: row.is_disabled === 1 || row.robot_disabled === 1,
    ...(row.directory_id === null
      ? { source: 'database' }
      : { source: 'directory', directoryGroups: JSON.parse(row.directory_groups ?? '[]') as string[] }),
    kind: isRobot ? 'robot' : 'user',
    version: parts.join('/'),
    createdAt: new Date((isRobot ? row.robot_created_at : row.user_created_at) ?? 0),
    credential: credential.id,
    limits: parseLimits(isRobot ? row.robot_limits : credential.limits),
    actsFor: isRobot ? holderId : undefined,
  }
}
