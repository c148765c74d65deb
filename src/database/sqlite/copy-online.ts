import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { backup, DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { connectFrozen } from './frozen-file.ts'

/** Longest wait for another process, in milliseconds. */
const BUSY_TIMEOUT_MS = 5_000
/** Pages of one step, of 4 KiB by default: between two steps the copy can be ended. */
const PAGES_OF_STEP = 1_000

/**
 * Copies a database file as it is at one moment, while others write to it. The copy is one file, for its owner alone,
 * whose structure was checked; it is not durable yet. Other threads do the work.
 *
 * One read transaction is open from begin to end. Without it SQLite would begin anew after each commit of another connection, and
 * beside a busy writer never end (sqlite.org/backup.html). Writers do not wait for it; but their log (`-wal`) keeps all
 * changes of that time, and needs room for them.
 *
 * `isFrozen`: no one writes, and the disk has no room for side files.
 *
 * Errors: the reason of the signal; those of SQLite, and of a damaged source.
 */
export async function copySqliteOnline(
  source: string,
  target: string,
  { isFrozen = false, signal }: { isFrozen?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  // A file with holes or of another database would keep its pages.
  await unlink(target).catch(ignoreAbsent)
  closeSync(openSync(target, 'ax', 0o600))
  const connection = isFrozen ? connectFrozen(source) : new DatabaseSync(source, { timeout: BUSY_TIMEOUT_MS })
  try {
    connection.exec('begin; select count(*) from sqlite_schema')
    await backup(connection, target, {
      rate: PAGES_OF_STEP,
      progress: () => signal?.throwIfAborted(),
    })
    signal?.throwIfAborted()
  } finally {
    connection.close()
  }
  await closeSqliteFile(target)
}

/**
 * Makes a database file that is not in use complete without side files, and checks its structure. Errors: those of
 * SQLite; a damaged file.
 */
export async function closeSqliteFile(file: string): Promise<void> {
  // Beside this file: TypeScript in a checkout, JavaScript once it is built.
  const url = new URL(
    `./close-file-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
    import.meta.url,
  )
  const worker = new Worker(url, { workerData: file, execArgv: [] })
  const [problem] = (await once(worker, 'message')) as [string | undefined]
  await worker.terminate()
  if (problem !== undefined) throw new Error(`The database ${file} is damaged: ${problem}`)
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
