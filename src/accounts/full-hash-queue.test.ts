import assert from 'node:assert/strict'
import { testOnEngines } from '../../test/support/database/engines.ts'
import { CHEAP_PASSWORDS } from '../../test/support/program/cheap-passwords.ts'
import { accountBelongings } from '../app/database/account-belongings.ts'
import type { Database } from '../database/database.ts'
import { createAccounts } from './create-accounts.ts'
import { MAX_RUNNING_JOBS, MAX_WAITING_JOBS } from './log-in/hash-queue.ts'

const test = testOnEngines()
const GUESSES = 60

test('`verifyPassword()` refuses guesses beyond what the queue holds', async (openDatabase) => {
  await using temporary = await openDatabase()
  await using accounts = createAccounts({
    database: lookUpTogether(temporary.database, GUESSES),
    belongings: accountBelongings(temporary.database),
    htpasswdFile: undefined,
    passwordCost: CHEAP_PASSWORDS,
  })
  const results = await Promise.allSettled(
    Array.from({ length: GUESSES }, (_, index) => accounts.verifyPassword(`name${index}`, 'a guess')),
  )
  const refused = results.filter((result) => result.status === 'rejected')
  assert.equal(refused.length, GUESSES - MAX_RUNNING_JOBS - MAX_WAITING_JOBS)
  assert.ok(refused.every((result) => result.reason.code === 'TOO_MANY_ATTEMPTS'))
})

/** A database whose first look-ups of rows end together, once there are `count` of them, however far away it is. */
function lookUpTogether<S>(database: Database<S>, count: number): Database<S> {
  const together = Promise.withResolvers<void>()
  let found = 0
  return {
    ...database,
    prepareFirst(query, options) {
      const find = database.prepareFirst(query, options)
      return async (...parameters) => {
        const row = await find(...parameters)
        if (++found === count) together.resolve()
        await together.promise
        return row
      }
    },
  }
}
