import { temporaryDatabase } from '../../test/support/temporary-database.ts'
import { describeMetadata } from './metadata.suite.ts'
import { createSqlMetadata } from './sql-metadata.ts'

describeMetadata('SQLite', async () => {
  const temporary = await temporaryDatabase()
  return {
    metadata: createSqlMetadata(temporary.database),
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  }
})
