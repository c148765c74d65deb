import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createSqlMetadata } from '../../../src/metadata/sql-metadata.ts'
import { SeededRandom } from '../../support/content/seeded-random.ts'
import { testOnEngines } from '../../support/database/engines.ts'
import type { TemporaryDatabase } from '../../support/database/temporary-database.ts'
import { ACCOUNT_RACES } from './account-races.ts'
import { CONTENT_RACES } from './content-races.ts'
import type { RaceNode } from './race.ts'
import { TOKEN_RACES } from './token-races.ts'

/*
 * Changes that several nodes make at once to the same rows. Each race is run so often that an engine which does not keep
 * transactions apart loses some: in PostgreSQL's default isolation several of these fail.
 */

const SEED = process.env.BERTH_RACE_SEED ?? randomBytes(6).toString('hex')
/** Part of the rounds that are run; 1 for all of them. */
const SHARE = Number(process.env.BERTH_RACE_SHARE ?? 0.2)
/** Nodes on one database. */
const NODES = 4

const test = testOnEngines()

for (const race of [...CONTENT_RACES, ...ACCOUNT_RACES, ...TOKEN_RACES]) {
  test(race.name, async (openDatabase, context) => {
    await using temporary = await openDatabase()
    const nodes = await openNodes(temporary)
    const random = new SeededRandom(SEED)
    const rounds = Math.max(1, Math.round(race.rounds * SHARE))
    let wrong = 0
    for (let round = 0; round < rounds; round++) {
      wrong += await race.run({ nodes, round, id: String(round), random: random.fork() })
    }
    context.diagnostic(
      `${wrong} of ${rounds * race.perRound} (${rounds} of ${race.rounds} rounds, BERTH_RACE_SEED=${SEED})`,
    )
    assert.equal(wrong, 0)
  })
}

async function openNodes(temporary: TemporaryDatabase): Promise<RaceNode[]> {
  const databases = [temporary.database]
  while (databases.length < NODES) databases.push(await temporary.openAgain())
  return databases.map((database) => ({ database, metadata: createSqlMetadata(database) }))
}
