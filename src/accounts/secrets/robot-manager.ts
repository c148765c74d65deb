import type { Selectable, Transaction } from 'kysely'
import { MAX_ACCOUNT_NAME_LENGTH } from '../../access/account-name.ts'
import { AccountError } from '../accounts.ts'
import { removeBelongings } from '../belongings.ts'
import type { AccountsSchema, RobotTable } from '../schema.ts'
import type { NewSecret, Robot, RobotManager } from '../secrets.ts'
import { robotAccountId } from '../users/user-rows.ts'
import { checkTrust } from './check-trust.ts'
import { checkSecretName, describeSecret, makeSecret, rotateColumns, toDate } from './new-secret.ts'
import { formatLimits, parseLimits } from './secret-rows.ts'
import { NOT_YET, requireUser, type SecretManagerParts } from './token-manager.ts'
import { addTrust, removeTrust, rowToTrust } from './trust-rows.ts'

/** Dependencies of a manager of robots. */
interface RobotManagerParts extends SecretManagerParts {
  /** True if an htpasswd file has an account of this name. */
  readonly hasLine: (name: string) => Promise<boolean>
}

type RobotRow = Selectable<RobotTable>

/** Makes the manager of robots. */
export function createRobotManager(parts: RobotManagerParts): RobotManager {
  const { database, belongings, clock } = parts
  const change = <R>(
    name: string,
    work: (tx: Transaction<AccountsSchema>, row: RobotRow) => Promise<R>,
  ): Promise<R> => database.transaction(async (tx) => work(tx, await requireRobot(tx, name)))
  return {
    create: (robot) => createRobot(parts, robot),
    list: () => listRobots(parts),
    setDisabled: (name, isDisabled) =>
      change(name, async (tx, row) => {
        if ((row.is_disabled === 1) === isDisabled) return
        await tx
          .updateTable('robots')
          .set({ is_disabled: isDisabled ? 1 : 0, version: row.version + 1 })
          .where('id', '=', row.id)
          .execute()
        await belongings.endLogIns(tx, name)
      }),
    rotate: (name, rotation) =>
      change(name, async (tx, row): Promise<NewSecret> => {
        const now = clock()
        const current = await tx
          .selectFrom('account_secrets')
          .selectAll()
          .where('robot_id', '=', row.id)
          .executeTakeFirst()
        if (!current) return insertSecret(tx, { robotId: row.id, now, expiresAt: rotation.expiresAt })
        const { secret, columns } = rotateColumns(current, { kind: 'robot', now, rotation })
        await tx.updateTable('account_secrets').set(columns).where('id', '=', current.id).execute()
        return { id: current.id, secret, expiresAt: toDate(columns.expires_at) }
      }),
    remove: (name) =>
      change(name, async (tx, row) => {
        await tx.deleteFrom('robots').where('id', '=', row.id).execute()
        await removeBelongings(tx, belongings, { name, id: robotAccountId(row.id) })
      }),
    trust: (name, trust) => {
      checkTrust(trust)
      return change(name, (tx, row) => addTrust(tx, { robotId: row.id, trust, now: clock() }))
    },
    distrust: (name, trust) =>
      change(name, async (tx, row) => {
        const { id } = await removeTrust(tx, row, trust)
        await belongings.endLogIns(tx, name, id)
      }),
  }
}

async function createRobot(
  parts: RobotManagerParts,
  robot: Parameters<RobotManager['create']>[0],
): Promise<NewSecret | undefined> {
  const { name, description = '', owner, limits, hasSecret, expiresAt } = robot
  checkSecretName(name, 'robot')
  const isTaken = await parts.hasLine(name)
  const now = parts.clock()
  return parts.database.transaction(async (tx) => {
    await refuseTakenName(tx, name, isTaken)
    const ownerRow = owner === undefined ? undefined : await requireUser(tx, owner)
    const { id } = await tx
      .insertInto('robots')
      .values({
        name,
        owner_id: ownerRow?.id ?? null,
        description,
        limits: formatLimits(limits),
        is_disabled: 0,
        version: 1,
        created_at: now,
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    return hasSecret ? insertSecret(tx, { robotId: Number(id), now, expiresAt }) : undefined
  })
}

async function refuseTakenName(
  tx: Transaction<AccountsSchema>,
  name: string,
  isTaken: boolean,
): Promise<void> {
  const robot = await tx.selectFrom('robots').select('id').where('name', '=', name).executeTakeFirst()
  if (robot) throw new AccountError('ALREADY_EXISTS', `There is a robot "${name}" already`)
  const user = await tx.selectFrom('users').select('id').where('name', '=', name).executeTakeFirst()
  if (user || isTaken) throw new AccountError('ALREADY_EXISTS', `There is an account "${name}" already`)
}

async function insertSecret(
  tx: Transaction<AccountsSchema>,
  { robotId, now, expiresAt }: { robotId: number; now: number; expiresAt: Date | undefined },
): Promise<NewSecret> {
  const { secret, columns } = makeSecret('robot', { now, expiresAt })
  await tx
    .insertInto('account_secrets')
    .values({ ...columns, ...NOT_YET, user_id: null, robot_id: robotId, name: '', limits: '' })
    .execute()
  return { id: columns.id, secret, expiresAt }
}

async function listRobots({ database: { read } }: RobotManagerParts): Promise<Robot[]> {
  const rows = await read
    .selectFrom('robots as r')
    .leftJoin('users as u', 'u.id', 'r.owner_id')
    .selectAll('r')
    .select('u.name as owner_name')
    .orderBy('r.name')
    .execute()
  const secrets = await read
    .selectFrom('account_secrets')
    .selectAll()
    .where('robot_id', 'is not', null)
    .execute()
  const trusts = await read.selectFrom('robot_trusts').selectAll().orderBy('name').execute()
  return rows.map((row) => {
    const secret = secrets.find((one) => one.robot_id === row.id)
    return {
      name: row.name,
      description: row.description,
      owner: row.owner_name ?? undefined,
      limits: parseLimits(row.limits),
      isDisabled: row.is_disabled === 1,
      createdAt: new Date(row.created_at),
      secret: secret && describeSecret(secret),
      trusts: trusts.filter((trust) => trust.robot_id === row.id).map(rowToTrust),
    }
  })
}

async function requireRobot(tx: Transaction<AccountsSchema>, name: string): Promise<RobotRow> {
  const row = await tx.selectFrom('robots').selectAll().where('name', '=', name).executeTakeFirst()
  if (row) return row
  throw new AccountError('ROBOT_UNKNOWN', `There is no robot "${name.slice(0, MAX_ACCOUNT_NAME_LENGTH)}"`)
}
