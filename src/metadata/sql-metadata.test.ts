import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryDatabase } from '../../test/support/temporary-database.ts'
import { parseRepositoryName } from '../oci/repository-name.ts'
import type { UploadId } from '../oci/request.ts'
import { describeMetadata } from './metadata.suite.ts'
import { createSqlMetadata } from './sql-metadata.ts'

test('uploads of one principal are counted together where several processes open them', async () => {
  await using temporary = await temporaryDatabase()
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

describeMetadata('SQLite', async () => {
  const temporary = await temporaryDatabase()
  return {
    metadata: createSqlMetadata(temporary.database),
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  }
})
