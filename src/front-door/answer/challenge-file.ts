import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'

/** A key authorization has some 90 bytes (RFC 8555 section 8.1). */
const MAX_ANSWER_BYTES = 4_096
/** Base64url (RFC 8555 section 8.3), so it cannot lead to another folder. */
const TOKEN = /^[A-Za-z0-9_-]{1,256}$/

/**
 * The answer that another ACME client has put into a folder for a CA, under the name of its token.
 * @returns undefined if there is none, or it is no plain file of a few bytes.
 */
export async function readChallengeFile(folder: string, token: string): Promise<string | undefined> {
  if (!TOKEN.test(token)) return undefined
  try {
    await using file = await open(
      join(folder, token),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    )
    const stats = await file.stat()
    return stats.isFile() && stats.size <= MAX_ANSWER_BYTES ? await file.readFile('latin1') : undefined
  } catch {
    // An unreadable file counts as absent: the request is routed like any other.
    return undefined
  }
}
