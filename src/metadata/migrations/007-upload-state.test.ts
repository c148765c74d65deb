import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Kysely } from 'kysely'
import { temporaryDatabase } from '../../../test/support/temporary-database.ts'
import { kysely } from '../../database/kysely.ts'
import { up } from './007-upload-state.ts'

const { sql } = kysely

test('the digest of an upload session of older data is its state', async () => {
  await using temporary = await temporaryDatabase()
  const { writer } = temporary.database
  await sql`alter table uploads rename column state to digest`.execute(writer)
  await sql`alter table uploads add column algorithm text`.execute(writer)
  await sql`insert into uploads (id, repository, principal, algorithm, "offset", digest, created_at, updated_at)
    values ('a', 'a/b', 'user:1', 'sha512', 3, 'sha512:ab', 1, 2)`.execute(writer)
  await up(writer as unknown as Kysely<unknown>)
  const rows = await writer.selectFrom('uploads').selectAll().execute()
  const common = { id: 'a', repository: 'a/b', principal: 'user:1', created_at: 1, updated_at: 2 }
  assert.deepEqual({ ...rows[0] }, { ...common, offset: 3, state: 'sha512:ab' })
})
