import assert from 'node:assert/strict'
import { testEngines, testOnEngines } from '../../test/support/database/engines.ts'
import { parseRepositoryName } from '../oci/repository-name.ts'
import type { UploadId } from '../oci/request.ts'
import { describeMetadata } from './metadata.suite.ts'
import { createSqlMetadata } from './sql-metadata.ts'

const test = testOnEngines()

test('uploads of one principal are counted together where several processes open them', async (openDatabase) => {
  await using temporary = await openDatabase()
  const processes = [temporary.database, await temporary.openAgain()].map((one) => createSqlMetadata(one))
  const opened = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      processes[index % 2]?.createUpload(
        {
          id: String(index).padEnd(22, 'A') as UploadId,
          repository: parseRepositoryName('alice/app'),
          principal: 'alice',
          offset: 0,
          state: '',
        },
        5,
      ),
    ),
  )
  assert.equal(opened.filter(Boolean).length, 5)
})

test('a repository of many manifests is deleted piece by piece, and others are served in between', async (openDatabase) => {
  await using temporary = await openDatabase()
  const { database } = temporary
  const [large, other] = ['alice/large', 'alice/other'].map(parseRepositoryName)
  const counts = [1_001, 1]
  await database.transaction(async (tx) => {
    for (const [index, name] of [large, other].entries()) {
      const { id } = await tx
        .insertInto('repositories')
        .values({ name: String(name), created_at: 0 })
        .returning('id')
        .executeTakeFirstOrThrow()
      const rows = Array.from({ length: counts[index] ?? 0 }, (_, number) => ({
        ...{ repository_id: id, digest: `sha256:${number}`, media_type: 'a/b', size: 0 },
        ...{ bytes: Buffer.alloc(0), created_at: 0 },
      }))
      await tx.insertInto('manifests').values(rows).execute()
    }
  })
  let turns = 0
  const count = (): void => {
    turns++
    turn = setImmediate(count)
  }
  let turn = setImmediate(count)
  assert.equal(await createSqlMetadata(database).deleteRepository(parseRepositoryName('alice/large')), true)
  clearImmediate(turn)
  assert.ok(turns >= 2, `${turns} turns`)
  const left = await database.read.selectFrom('manifests').select('digest').execute()
  assert.deepEqual(
    left.map(({ digest }) => digest),
    ['sha256:0'],
  )
})

for (const { name, skip, open } of testEngines()) {
  describeMetadata(name, { skip }, async () => {
    const temporary = await open()
    return {
      metadata: createSqlMetadata(temporary.database),
      [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
    }
  })
}
