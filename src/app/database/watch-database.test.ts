import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { OciError } from '../../oci/errors.ts'
import { watchDatabase } from './watch-database.ts'

const EVERY_MS = 5

/** A database that can be taken down, under watch. */
async function watched(engine: 'sqlite' | 'postgres') {
  const lines: Record<string, unknown>[] = []
  const logger = pino({ base: null }, { write: (line) => void lines.push(JSON.parse(line)) })
  const state = { isDown: false, checks: 0 }
  const check = async (): Promise<void> => {
    state.checks++
    if (state.isDown) throw new OciError('UNAVAILABLE', { message: 'it cannot be reached' })
  }
  const watch = watchDatabase({ engine, check }, { logger, everyMs: EVERY_MS })
  /** Waits for some checks that began after a change. */
  const settle = async (isDown: boolean): Promise<void> => {
    state.isDown = isDown
    const enough = state.checks + 4
    while (state.checks < enough) await sleep(EVERY_MS)
  }
  return { lines, settle, [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose]() }
}

test('`watchDatabase()` logs the begin and the end of each outage of PostgreSQL once', async () => {
  await using database = await watched('postgres')
  for (const isDown of [false, true, false, true, false]) await database.settle(isDown)
  assert.deepEqual(
    database.lines.map(({ level, reason, seconds }) => ({ level, reason, seconds })),
    [1, 2].flatMap(() => [
      { level: 50, reason: 'it cannot be reached', seconds: undefined },
      { level: 30, reason: undefined, seconds: 0 },
    ]),
  )
})

test('`watchDatabase()` leaves it to SQLite to log what it finds', async () => {
  await using database = await watched('sqlite')
  for (const isDown of [true, false]) await database.settle(isDown)
  assert.deepEqual(database.lines, [])
})
