import { createAccounts } from '../../../src/accounts/create-accounts.ts'
import { makeFirstAdmin } from '../../../src/app/data/first-admin.ts'
import { accountBelongings } from '../../../src/app/database/account-belongings.ts'
import { KEY_MAX_AGE_MS, SigningKeys } from '../../../src/tokens/signing-keys.ts'
import { allAtOnce, type Race, type Round } from './race.ts'

/** Races for accounts and keys. */
export const ACCOUNT_RACES: readonly Race[] = [
  {
    name: 'first starts of several nodes: administrators beside the first',
    rounds: 10,
    perRound: 3,
    run: makeAdmins,
  },
  {
    name: 'rotations of the signing key by several nodes: keys beside the first',
    rounds: 50,
    perRound: 3,
    run: rotateKeys,
  },
]

/** The password of the node that came first is the one that counts. */
async function makeAdmins({ nodes, id }: Round): Promise<number> {
  const name = `admin-${id}`
  await using resources = new AsyncDisposableStack()
  const accounts = nodes.map(({ database }) =>
    resources.use(
      createAccounts({ database, belongings: accountBelongings(database), htpasswdFile: undefined }),
    ),
  )
  const formatPassword = (at: number): string => `password of node ${at}`
  const results = await allAtOnce(
    accounts.map(
      (one, at) => () => makeFirstAdmin(one, { name, password: formatPassword(at), passwordFile: undefined }),
    ),
  )
  const made = results.flatMap(({ status }, at) => (status === 'fulfilled' ? [at] : []))
  const [winner] = made
  if (winner === undefined || !(await accounts[0]?.verifyPassword(name, formatPassword(winner))))
    return made.length + 1
  return made.length - 1
}

/** All sign with one key, before its rotation and after it. */
async function rotateKeys({ nodes, round }: Round): Promise<number> {
  const clock = (): number => (round + 1) * KEY_MAX_AGE_MS
  const keys = nodes.map(({ database }) => new SigningKeys({ database, clock, graceMs: 60_000 }))
  const results = await allAtOnce(keys.map((one) => () => one.signing()))
  const names = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.kid] : []))
  return new Set(names).size - 1 + (nodes.length - names.length)
}
