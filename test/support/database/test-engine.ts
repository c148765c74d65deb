import type { EngineName } from '../../../src/database/database.ts'
import type { TemporaryDatabase } from './temporary-database.ts'

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
