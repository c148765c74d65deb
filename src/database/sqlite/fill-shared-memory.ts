import { closeSync, openSync, readSync, statfsSync, writeSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'

/** Pages that SQLite itself gives room on the disk by a byte in each (os_unix.c `unixShmMap()`), and their number. */
const PAGE_BYTES = 4096
const PAGES = 8

/**
 * Gives the memory that SQLite shares through `-shm` room on the disk if blocks are smaller than SQLite's pages. Its
 * file has holes there; a write to one while the disk is full ends the process (SIGBUS).
 *
 * `connection` is open; the write lock is taken meanwhile, so that the bytes written back are the current ones.
 * @returns a function that closes the file, to be called once SQLite has closed it: to close it earlier would drop
 * SQLite's locks. Errors: those of the system and of SQLite; the connection is closed then.
 */
export function fillSharedMemory(connection: DatabaseSync, databaseFile: string): () => void {
  const { bsize } = statfsSync(databaseFile)
  if (bsize >= PAGE_BYTES) return () => {}
  let file: number | undefined
  try {
    connection.exec('begin immediate')
    file = openSync(`${databaseFile}-shm`, 'r+')
    fillHoles(file, bsize)
    connection.exec('rollback')
    const opened = file
    return () => closeSync(opened)
  } catch (error) {
    connection.close()
    if (file !== undefined) closeSync(file)
    throw error
  }
}

/** The first page is written to with each transaction, which gives it all its blocks. */
function fillHoles(file: number, blockBytes: number): void {
  for (let place = PAGE_BYTES; place < PAGES * PAGE_BYTES; place += blockBytes) {
    const byte = Buffer.alloc(1)
    if (readSync(file, byte, 0, 1, place) === 1) writeSync(file, byte, 0, 1, place)
  }
}
