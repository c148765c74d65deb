import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PostgresServer, PostgresTestDatabase } from '../support/database/postgres-server.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import type { TempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import type { BerthSite } from '../support/program/berth-process.ts'
import { noteSecret } from '../support/program/secret-canary.ts'
import { RawClient } from '../support/requests/raw-request.ts'

/** A server's folder and database, with the password in a file. */
interface Place {
  readonly site: BerthSite
  /** The URL with its password, for commands. */
  readonly url: string
}

/** A data folder in `folder`, and a file with the server's password beside it. */
export async function placeIn(
  folder: TempFolder,
  { postgres, database }: { postgres: PostgresServer; database: PostgresTestDatabase },
  flags: string[] = [],
): Promise<Place> {
  const passwordFile = join(folder.path, 'database-password')
  await writeFile(passwordFile, `${postgres.password}\n`, { mode: 0o600 })
  const url = database.url.replace(`:${postgres.password}@`, '@')
  assert.notEqual(url, database.url)
  return {
    url: database.url,
    site: {
      dataDir: join(folder.path, 'data'),
      port: await findFreePort(),
      logFile: join(folder.path, 'berth.log'),
      flags: ['--database', url, '--database-password-file', passwordFile, ...flags],
    },
  }
}

/** The administrator of the first start, as soon as it is made. */
export async function readFirstPassword({ dataDir }: BerthSite): Promise<string> {
  const file = join(dataDir, 'first-password')
  await until(async () => (await readFile(file, 'utf8').catch(() => '')) !== '')
  const password = (await readFile(file, 'utf8')).trim()
  noteSecret(password)
  return password
}

/** Status and `Retry-After` of a `GET`. */
export async function requestStatus(port: number, path: string, headers: Record<string, string> = {}) {
  using client = new RawClient(port)
  const { status, headers: answered } = await client.send('GET', path, { headers })
  return { status, retryAfter: answered['retry-after'] }
}
