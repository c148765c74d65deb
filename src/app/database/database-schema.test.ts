import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { createAccounts } from '../../accounts/create-accounts.ts'
import { openSqliteDatabase } from '../../database/sqlite/open-sqlite.ts'
import { createSqlMetadata } from '../../metadata/sql-metadata.ts'
import { hashContent } from '../../oci/digest.ts'
import { parseTag } from '../../oci/reference.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import type { UploadId } from '../../oci/request.ts'
import { createTokenService } from '../../tokens/access/token-service.ts'
import { createRefreshTokenService } from '../../tokens/refresh/refresh-tokens.ts'
import { accountBelongings } from './account-belongings.ts'
import { type BerthSchema, MIGRATION_SETS } from './database-schema.ts'

/** Time at which the log-ins of the files were in force. */
const NOW = Date.UTC(2026, 10, 27, 13)

/** Opens a copy of a database that a former version wrote; its name is that of the last migration that ran there. */
async function openFormer(version: '003' | '006') {
  const folder = await makeTempFolder('former')
  const file = join(folder.path, 'db')
  const packed = new URL(`../../../test/fixtures/databases/berth-${version}.sqlite.gz`, import.meta.url)
  await writeFile(file, gunzipSync(await readFile(packed)))
  const database = await openSqliteDatabase<BerthSchema>(file, { migrations: MIGRATION_SETS })
  const clock = (): number => NOW
  const accounts = createAccounts({
    database,
    belongings: accountBelongings(database),
    htpasswdFile: undefined,
    clock,
  })
  const findEnabled = (name: string) => accounts.findEnabled(name)
  return {
    file,
    database,
    accounts,
    metadata: createSqlMetadata(database, clock),
    tokens: await createTokenService({ database, lifetimeS: 300, clock }),
    refreshTokens: await createRefreshTokenService({ database, findEnabled, clock }),
    async [Symbol.asyncDispose]() {
      await accounts.close()
      await database.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

test('a database of before capabilities had migrations of their own goes on with all that it holds', async () => {
  await using t = await openFormer('006')
  const counts = { tags: 4, manifests: 2, users: 2, spent_refresh_tokens: 2, login_places: 1, token_keys: 1 }
  using reader = new DatabaseSync(t.file, { readOnly: true })
  for (const [table, count] of Object.entries(counts)) {
    assert.deepEqual({ ...reader.prepare(`select count(*) as n from ${table}`).get() }, { n: count }, table)
  }
  const app = parseRepositoryName('alice/app')
  const tagged = await t.metadata.findManifest(app, parseTag('V2'))
  assert.match(Buffer.from(tagged?.bytes ?? []).toString(), /"of":"é"/)
  assert.equal((await t.metadata.findBlob(app, hashContent('blob')))?.size, 4)
  const upload = await t.metadata.findUpload('A'.repeat(22) as UploadId)
  assert.equal(upload?.offset, 5_000_000_000)
  assert.equal(upload?.state, hashContent('part'))
  assert.equal((await t.accounts.verifyPassword('alice', 'alice-of-006'))?.name, 'alice')
  assert.equal(await t.accounts.verifyPassword('carol', 'carol-of-006'), undefined)
  await assert.rejects(t.accounts.add({ name: 'carol', password: 'carol-anew-006', isAdmin: false }), {
    code: 'NAME_TAKEN',
  })
  assert.equal(t.tokens.service, 'berth-a11f1b175c95eb055a8993779272537f')
  const redeemed = await t.refreshTokens.redeem('berth_rt_3JDV76eqRPbfa_NceffJQ9Y_-T2NCheCmoZd9n5P75o')
  assert.equal(redeemed?.owner.name, 'alice')
})

test('an older one gets what it lacks: its upload sessions go to accounts, or to lines of a password file', async () => {
  await using t = await openFormer('003')
  const rows = await t.database.read.selectFrom('uploads').select('principal').orderBy('id').execute()
  assert.deepEqual(
    rows.map((row) => row.principal),
    ['user:7', 'htpasswd:carol'],
  )
  const alice = await t.accounts.verifyPassword('alice', 'alice-of-003')
  assert.deepEqual([alice?.id, alice?.owns], ['user:7', ['alice']])
  assert.equal((await t.refreshTokens.redeem(`berth_rt_${'a'.repeat(43)}`))?.owner.name, 'alice')
})

test('databases have the same tables, whichever version made them', async () => {
  await using oldest = await openFormer('003')
  await using former = await openFormer('006')
  await using folder = await makeTempFolder('new')
  const made = join(folder.path, 'db')
  await (await openSqliteDatabase(made, { migrations: MIGRATION_SETS })).close()
  assert.deepEqual(readSchema(former.file), readSchema(made))
  assert.deepEqual(readSchema(oldest.file), readSchema(made))
})

/** Tables and indexes as written, without the record of migrations. */
function readSchema(file: string): unknown[] {
  using reader = new DatabaseSync(file, { readOnly: true })
  return reader
    .prepare(
      `select name, sql from sqlite_schema
       where name not like 'sqlite_%' and tbl_name not like 'kysely_migration%' order by name`,
    )
    .all()
    .map((row) => ({ ...row }))
}
