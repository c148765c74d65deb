import { createAccounts } from '../../../src/accounts/create-accounts.ts'
import { makeFirstAdmin } from '../../../src/app/data/first-admin.ts'
import { accountBelongings } from '../../../src/app/database/account-belongings.ts'
import { CHEAP_PASSWORDS } from '../../support/program/cheap-passwords.ts'
import { allAtOnce, type Race, type RaceNode, type Round } from './race.ts'

const PASSWORD = 'correct horse'

/** Races for accounts. */
export const ACCOUNT_RACES: readonly Race[] = [
  {
    name: 'first starts of several nodes: administrators beside the first',
    rounds: 10,
    perRound: 3,
    run: makeAdmins,
  },
  {
    name: 'an account that several make at once: answers but one "made"',
    rounds: 10,
    perRound: 1,
    run: addOne,
  },
  {
    name: 'administrators who disable each other: rounds in which not one is left',
    rounds: 50,
    perRound: 1,
    run: disableEachOther,
  },
]

/** The accounts as one node sees them. */
export function openAccounts({ database }: Pick<RaceNode, 'database'>) {
  return createAccounts({
    database,
    belongings: accountBelongings(database),
    htpasswdFile: undefined,
    passwordCost: CHEAP_PASSWORDS,
  })
}

/** The password of the node that came first is the one that counts. */
async function makeAdmins({ nodes, id }: Round): Promise<number> {
  const name = `admin-${id}`
  await using resources = new AsyncDisposableStack()
  const accounts = nodes.map((node) => resources.use(openAccounts(node)))
  const formatPassword = (at: number): string => `password of node ${at}`
  const results = await allAtOnce(
    accounts.map(
      (one, at) => () => makeFirstAdmin(one, { name, password: formatPassword(at), passwordFile: undefined }),
    ),
  )
  const made = results.flatMap((result, at) => (result.status === 'fulfilled' && result.value ? [at] : []))
  const [winner] = made
  if (winner === undefined || !(await accounts[0]?.verifyPassword(name, formatPassword(winner))))
    return made.length + 1
  return made.length - 1
}

async function addOne({ nodes, id }: Round): Promise<number> {
  const account = { name: `one-${id}`, password: PASSWORD, isAdmin: true }
  const results = await allAtOnce(nodes.map((node) => () => openAccounts(node).add(account)))
  const codes = results.map((result) => (result.status === 'rejected' ? result.reason.code : 'made'))
  const others = codes.filter((code) => code === 'ALREADY_EXISTS').length
  return codes.includes('made') && others === nodes.length - 1 ? 0 : 1
}

/** Two administrators and no other in the database. */
async function disableEachOther({ nodes, round }: Round): Promise<number> {
  const [one, other] = [0, 1].map((at) => openAccounts(nodes[at] as RaceNode)) as [Accounts, Accounts]
  const names = ['one', 'other']
  if (round === 0) for (const name of names) await one.add({ name, password: PASSWORD, isAdmin: true })
  const results = await allAtOnce([
    () => one.setDisabled('other', true),
    () => other.setDisabled('one', true),
  ])
  const codes = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))
  for (const name of names) await one.setDisabled(name, false)
  return codes.join() === 'LAST_ADMIN' ? 0 : 1
}

type Accounts = ReturnType<typeof openAccounts>
