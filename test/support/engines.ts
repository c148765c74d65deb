import { after, type TestContext, test } from 'node:test'
import type { EngineName } from '../../src/database/database.ts'
import { type TemporaryDatabase, temporaryDatabase } from './temporary-database.ts'

/** Makes an empty database of the newest schema; disposing removes it. */
export type OpenDatabase = () => Promise<TemporaryDatabase>

/** An engine as the tests of one file use it. */
export interface TestEngine {
  readonly name: EngineName
  /** Why its tests are skipped; false: they run. */
  readonly skip: string | false
  readonly open: OpenDatabase
  /** Ends the server, if it was started. */
  close(): Promise<void>
}

/** Every engine there is an adapter for, each made anew for a file of tests; a server starts with its first database. */
const ENGINES: readonly (() => TestEngine)[] = [
  () => ({ name: 'sqlite', skip: false, open: temporaryDatabase, close: async () => {} }),
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
