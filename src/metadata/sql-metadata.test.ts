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

for (const { name, skip, open } of testEngines()) {
  describeMetadata(name, { skip }, async () => {
    const temporary = await open()
    return {
      metadata: createSqlMetadata(temporary.database),
      [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
    }
  })
}
