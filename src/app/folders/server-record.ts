import { accessSync, constants, readFileSync, realpathSync } from 'node:fs'
import { realpath, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RecordedSettings } from '../../config/sources/recorded.ts'

/**
 * Record of a server in its data folder, for commands: its settings and listeners. It stays when the server ends, so
 * that commands find the same folders until the next start. It holds no secret.
 */
interface ServerRecord {
  /** ISO 8601. */
  readonly startedAt: string
  /** The folder in the server's view: in a container, or before the folder was moved, another path than here. */
  readonly dataDir: string
  /** URLs of the listeners, with the ports that the system chose. */
  readonly urls: readonly string[]
  readonly settings: RecordedSettings
}

/** A record, and if its paths are valid here. */
interface FoundRecord {
  readonly record: ServerRecord
  readonly isFromHere: boolean
}

/** Writes the record of a server that has begun to serve. Errors: those of the file system. */
export async function writeServerRecord(
  dataDir: string,
  record: Omit<ServerRecord, 'dataDir'>,
): Promise<void> {
  const file = recordFile(dataDir)
  const whole: ServerRecord = { ...record, dataDir: await realpath(dataDir) }
  await writeFile(`${file}.new`, `${JSON.stringify(whole)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/**
 * Reads the record of the server that runs on a data folder, or ran there last; undefined if there is none. An
 * unreadable one, of another user or damaged, counts as none: it only saves giving the settings again.
 */
export function readServerRecord(dataDir: string): FoundRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(recordFile(dataDir), 'utf8')) as Partial<ServerRecord>
    const { startedAt, dataDir: recorded, urls, settings } = record
    if (typeof startedAt !== 'string' || typeof recorded !== 'string') return undefined
    if (!Array.isArray(urls) || typeof settings !== 'object' || settings === null) return undefined
    const isFromHere = realpathSync(dataDir) === recorded
    return { record: { startedAt, dataDir: recorded, urls: urls.map(String), settings }, isFromHere }
  } catch {
    return undefined
  }
}

/** Path of the record of a data folder, if this user may not read it: then it is unknown where its server listens. */
export function findForbiddenRecord(dataDir: string): string | undefined {
  try {
    accessSync(recordFile(dataDir), constants.R_OK)
    return undefined
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return code === 'EACCES' || code === 'EPERM' ? recordFile(dataDir) : undefined
  }
}

function recordFile(dataDir: string): string {
  return join(dataDir, 'server.json')
}
