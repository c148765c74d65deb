import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryDatabase } from '../../test/support/temporary-database.ts'
import { kysely } from '../database/kysely.ts'

test('opening a database compares the names of its migrations without a collator', async (t) => {
  await using temporary = await temporaryDatabase()
  const { writer } = temporary.database
  // Names are compared only where times are equal, as those of one transaction mostly are.
  await kysely.sql`update kysely_migration set timestamp = '2026-01-01T00:00:00.000Z'`.execute(writer)
  const compare = t.mock.method(String.prototype, 'localeCompare')
  await temporary.openAgain()
  assert.equal(compare.mock.callCount(), 0)
})
