import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'

/** A thread of its own: the check reads the whole file, and SQLite answers no one else meanwhile. */
parentPort?.postMessage(closeFile(String(workerData)))

/** Returns what is damaged; undefined: nothing. */
function closeFile(file: string): string | undefined {
  const connection = new DatabaseSync(file)
  try {
    connection.exec('pragma journal_mode = delete')
    const found = connection.prepare('pragma quick_check(1)').get()?.quick_check
    return found === 'ok' ? undefined : String(found)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    connection.close()
  }
}
