import { createHmac, randomBytes } from 'node:crypto'
import type { Database } from '../../database/database.ts'
import { readSetting } from '../kept-setting.ts'
import type { TokensSchema } from '../schema.ts'

const SETTING = 'refresh_token_key'
const KEY_BYTES = 32

/** Makes the token that follows another. */
export type Successor = (token: string) => string

/**
 * Makes successors under a key of this registry, which is made at first use. The same token always has the same
 * successor: concurrent requests, and those of clients that ignore the answer, as Docker does, make no further ones.
 * The next token cannot be computed from a token alone.
 */
export async function createSuccessor(database: Database<TokensSchema>, prefix: string): Promise<Successor> {
  const hex = await readSetting(database, SETTING, () => randomBytes(KEY_BYTES).toString('hex'))
  const key = Buffer.from(hex, 'hex')
  return (token) => prefix + createHmac('sha256', key).update(token).digest('base64url')
}
