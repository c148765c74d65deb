import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Kysely } from 'kysely'
import { temporaryDatabase } from '../../../test/support/temporary-database.ts'
import { kysely } from '../../database/kysely.ts'
import { up } from './004-account-ids.ts'

const { sql } = kysely

test('upload sessions of older data go to the account of their name, or to the line of a password file', async () => {
  await using temporary = await temporaryDatabase()
  const { writer } = temporary.database
  await sql`alter table users drop column held_names`.execute(writer)
  await sql`drop table retired_names`.execute(writer)
  await sql`alter table uploads rename column state to digest`.execute(writer)
  await sql`alter table uploads add column algorithm text`.execute(writer)
  await sql`insert into users (id, name, password_hash, is_admin, is_disabled, version, created_at)
    values (7, 'alice', '', 0, 0, 1, 0)`.execute(writer)
  for (const name of ['alice', 'carol']) {
    await sql`insert into uploads (id, repository, principal, algorithm, "offset", digest, created_at, updated_at)
      values (${name}, 'a/b', ${name}, 'sha256', 0, '', 0, 0)`.execute(writer)
  }
  await up(writer as unknown as Kysely<unknown>)
  const rows = await writer.selectFrom('uploads').select(['id', 'principal']).orderBy('id').execute()
  assert.deepEqual(
    rows.map((row) => row.principal),
    ['user:7', 'htpasswd:carol'],
  )
  const [user] = await writer.selectFrom('users').select('held_names').execute()
  assert.equal(user?.held_names, '[]')
})
