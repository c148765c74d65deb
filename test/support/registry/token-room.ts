import type { Database } from '../../../src/database/database.ts'
import { createTokenService } from '../../../src/tokens/access/token-service.ts'
import type { TokensSchema } from '../../../src/tokens/schema.ts'
import type { OpenDatabase } from '../database/test-engine.ts'

/** The time at first, in milliseconds since 1970. */
export const NOW = 1_800_000_000_000
/** Life of the tokens of {@link openTokenRoom}, in seconds. */
export const LIFETIME_S = 300

/** A token service over a new database, and its clock. */
export async function openTokenRoom(openDatabase: OpenDatabase) {
  const temporary = await openDatabase()
  const clock = { now: NOW }
  const open = (database: Database<TokensSchema>) =>
    createTokenService({ database, lifetimeS: LIFETIME_S, clock: () => clock.now })
  const tokens = await open(temporary.database)
  return {
    tokens,
    clock,
    /** Another service, such as that of a second node. */
    open,
    database: temporary.database,
    openAgain: temporary.openAgain,
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  }
}
