import { setImmediate as nextTurn } from 'node:timers/promises'
import { KEY_MAX_AGE_MS } from '../../../src/tokens/access/signing-keys.ts'
import { createTokenService } from '../../../src/tokens/access/token-service.ts'
import { createRefreshTokenService } from '../../../src/tokens/refresh/refresh-tokens.ts'
import { changeSeenBy } from '../../support/database/engines.ts'
import { openAccounts } from './account-races.ts'
import { allAtOnce, type Race, type RaceNode, type Round } from './race.ts'

const PASSWORD = 'correct horse'

/** Races for tokens, their keys and log-ins. */
export const TOKEN_RACES: readonly Race[] = [
  {
    name: 'rotations of the signing key by several nodes: keys beside the first, tokens refused',
    rounds: 50,
    perRound: 4,
    run: rotateKeys,
  },
  {
    name: 'a refresh token that several redeem: successors beside the first',
    rounds: 50,
    perRound: 3,
    run: redeem,
  },
  {
    name: 'log-ins that count after the removal of their account',
    rounds: 25,
    perRound: 2,
    run: removeAccount,
  },
]

/** All sign with one key, before its rotation and after it, and take each other's tokens. */
async function rotateKeys({ nodes, round }: Round): Promise<number> {
  const clock = (): number => (round + 1) * KEY_MAX_AGE_MS
  const services = await Promise.all(
    nodes.map(({ database }) => createTokenService({ database, lifetimeS: 300, clock })),
  )
  const results = await allAtOnce(
    services.map((service) => () => service.issue({ subject: undefined, scopes: [] })),
  )
  const tokens = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.token] : []))
  const keys = await nodes[0]?.database.read
    .selectFrom('token_keys')
    .select('kid')
    .where('retired_at', 'is', null)
    .execute()
  if (keys?.length !== 1) return nodes.length
  const isGood = async (token: string): Promise<boolean> =>
    readKeyName(token) === keys[0]?.kid &&
    (await Promise.all(services.map((service) => service.verify(token)))).every(
      (claims) => claims !== undefined,
    )
  const good = await Promise.all(tokens.map(isGood))
  return nodes.length - good.filter(Boolean).length
}

/** The name of the key that signed a token. */
function readKeyName(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
}

async function redeem({ nodes, id }: Round): Promise<number> {
  const account = { name: `alice-${id}`, version: '1.1' }
  let reuses = 0
  const services = await Promise.all(
    nodes.map(({ database }) =>
      createRefreshTokenService({ database, findEnabled: () => account, onReuse: () => reuses++ }),
    ),
  )
  const token = (await services[0]?.issue(account, 'crane')) ?? ''
  // SQLite's connections may see one state of the database for a whole turn of the event loop.
  await nextTurn()
  const results = await allAtOnce(services.map((service) => () => service.redeem(token)))
  const successors = new Set(
    results.map((result) => (result.status === 'fulfilled' ? result.value?.successor : undefined)),
  )
  const isEachAnswered = !successors.has(undefined)
  return isEachAnswered && reuses === 0 ? successors.size - 1 : nodes.length - 1
}

/** Log-ins before and beside a removal count no more, also for a new account of the name. */
async function removeAccount({ nodes, id, round }: Round): Promise<number> {
  const [near, far, third] = nodes as readonly RaceNode[] as [RaceNode, RaceNode, RaceNode]
  const [accounts, others] = [openAccounts(near), openAccounts(far)]
  const name = `alice-${id}`
  if (round === 0) await accounts.add({ name: 'root', password: PASSWORD, isAdmin: true })
  const { database } = third
  const findEnabled = (wanted: string) => openAccounts(third).findEnabled(wanted)
  const service = await createRefreshTokenService({ database, findEnabled })
  const add = () => accounts.add({ name, password: PASSWORD, isAdmin: false })
  await changeSeenBy(database, add)
  const alice = await findEnabled(name)
  if (!alice) return 2
  const early = await service.issue(alice, 'crane')
  const [late] = await Promise.all([service.issue(alice, 'crane'), others.remove(name)])
  // A node that has not heard of the removal yet is no subject of this race.
  await changeSeenBy(database, add)
  const redeemed = [await service.redeem(early), await service.redeem(late)]
  return redeemed.filter((result) => result !== undefined).length
}
