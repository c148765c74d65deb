import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { ReadSnapshot } from './read-snapshot.ts'

async function openBoth() {
  const folder = await makeTempFolder('snapshot')
  const file = join(folder.path, 'db')
  const [reader, writer] = [new DatabaseSync(file), new DatabaseSync(file)]
  writer.exec('pragma journal_mode = wal; create table t (x)')
  let forgotten = 0
  const snapshot = new ReadSnapshot(() => {
    forgotten++
  })
  return {
    reader,
    writer,
    snapshot,
    forgotten: () => forgotten,
    async [Symbol.asyncDispose]() {
      snapshot.end()
      reader.close()
      writer.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

test('`ReadSnapshot` forgets what was read once another connection has committed, and not before', async () => {
  await using both = await openBoth()
  const { snapshot, reader, writer } = both
  snapshot.attach(reader)
  const turn = async (): Promise<number> => {
    snapshot.open()
    await setImmediate()
    return both.forgotten()
  }
  assert.equal(await turn(), 1)
  assert.equal(await turn(), 1)
  writer.exec('insert into t values (1)')
  assert.equal(await turn(), 2)
  assert.equal(await turn(), 2)
})

test('`ReadSnapshot` believes nothing of before when the version cannot be read', async () => {
  await using both = await openBoth()
  const { snapshot, reader } = both
  let isBroken = false
  const prepare = reader.prepare.bind(reader)
  // The disk fails under the one statement that reads the version.
  reader.prepare = (sql) => {
    const statement = prepare(sql)
    if (!sql.startsWith('pragma')) return statement
    const get = statement.get.bind(statement)
    statement.get = () => {
      if (isBroken) throw new Error('disk I/O error')
      return get()
    }
    return statement
  }
  snapshot.attach(reader)
  snapshot.open()
  snapshot.end()
  assert.equal(both.forgotten(), 1)
  isBroken = true
  assert.throws(() => snapshot.open(), /disk I\/O error/)
  assert.throws(() => snapshot.open(), /disk I\/O error/)
  assert.equal(both.forgotten(), 3)
  isBroken = false
  snapshot.open()
  assert.equal(both.forgotten(), 4)
})
