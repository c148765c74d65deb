import { after, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../../src/database/database.ts'
import { postgresEngine } from './postgres-engine.ts'
import { temporaryDatabase } from './temporary-database.ts'
import type { OpenDatabase, TestEngine } from './test-engine.ts'

/** Every engine there is an adapter for, each made anew for a file of tests; a server starts with its first database. */
const ENGINES: readonly (() => TestEngine)[] = [
  () => ({ name: 'sqlite', skip: false, open: temporaryDatabase, close: async () => {} }),
  postgresEngine,
]

/** The engines for the tests of one file, at whose end they are closed. */
export function testEngines(): readonly TestEngine[] {
  const engines = ENGINES.map((make) => make())
  after(async () => {
    for (const engine of engines) await engine.close()
  })
  return engines
}

/** Makes a function that declares a test once for each engine. */
export function testOnEngines(): (
  name: string,
  run: (open: OpenDatabase, context: TestContext) => Promise<void>,
) => void {
  const engines = testEngines()
  return (name, run) => {
    for (const engine of engines) {
      test(`${name} (${engine.name})`, { skip: engine.skip }, (context) => run(engine.open, context))
    }
  }
}

/**
 * Changes something as another process does, and waits until `observer` knows that something was changed: a server on
 * the network lets it know a moment after the change.
 */
export async function changeSeenBy(
  observer: Pick<Database<never>, 'changes'>,
  change: () => Promise<unknown>,
): Promise<void> {
  const before = observer.changes()
  await change()
  while (observer.changes() === before) await sleep(1)
}
