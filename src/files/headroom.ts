import { randomFillSync } from 'node:crypto'
import { existsSync, statfsSync, unlinkSync } from 'node:fs'
import { open, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Share of the disk that is reserved, and its bounds in bytes: some thousand changes of a database, of some KiB each, with their
 * events.
 */
const SHARE = 1 / 64
const MIN_BYTES = 512 * 1024
const MAX_BYTES = 8 * 1024 * 1024
/** With fewer bytes free than this the disk is full: SQLite's side files do not fit. */
const FULL_BYTES = 64 * 1024
/** Largest block size with which a file has no holes that SQLite cannot see, as it fills pages of 4 KiB; in bytes. */
const SQLITE_PAGE_BYTES = 4096
/** Bytes written at once. */
const PIECE_BYTES = 64 * 1024

/**
 * A file that reserves room on the disk of a folder, and is removed when the disk is full: so deleting and changes of
 * accounts still work. Pushes are refused until the file is back.
 */
export class Headroom {
  readonly #folder: string
  readonly #onGivenUp: () => void

  /** `onGivenUp` is called when this process removes the file. */
  constructor(folder: string, onGivenUp: () => void = () => {}) {
    this.#folder = folder
    this.#onGivenUp = onGivenUp
  }

  get #file(): string {
    return join(this.#folder, 'headroom')
  }

  /**
   * Removes the file if the disk is full. @returns false if a write could end this process: memory that SQLite shares
   * through a file with holes has no room to fill them (SIGBUS).
   */
  makeRoom(): boolean {
    const space = this.#space()
    if (!space || space.free >= FULL_BYTES) return true
    return this.giveUp() || space.blockBytes >= SQLITE_PAGE_BYTES
  }

  /** Removes the file; false if there is none. */
  giveUp(): boolean {
    try {
      unlinkSync(this.#file)
    } catch {
      // It does not exist, or the disk refuses every write.
      return false
    }
    this.#onGivenUp()
    return true
  }

  /** True if the file was removed and there is no room for it yet. */
  get isShort(): boolean {
    if (existsSync(this.#file)) return false
    const space = this.#space()
    return space !== undefined && space.free < sizeFor(space.total) + FULL_BYTES
  }

  /** Makes the file if it is absent and as much again stays free. @returns true if it was made. */
  async restore(): Promise<boolean> {
    const space = this.#space()
    const bytes = space ? sizeFor(space.total) : 0
    if (!space || space.free < 2 * bytes + FULL_BYTES || existsSync(this.#file)) return false
    const unfinished = `${this.#file}.new`
    try {
      await writeBytes(unfinished, bytes)
      await rename(unfinished, this.#file)
      return true
    } catch (error) {
      await unlink(unfinished).catch(() => {})
      throw error
    }
  }

  /** Undefined if the file system does not report it. */
  #space(): { free: number; total: number; blockBytes: number } | undefined {
    try {
      const { bavail, bsize, blocks } = statfsSync(this.#folder)
      if (blocks === 0) return undefined
      // Not `bfree`: of that ext4 keeps blocks for itself. Blocks reserved for root count as used.
      return { free: bavail * bsize, total: blocks * bsize, blockBytes: bsize }
    } catch {
      return undefined
    }
  }
}

function sizeFor(totalBytes: number): number {
  return Math.min(Math.max(totalBytes * SHARE, MIN_BYTES), MAX_BYTES)
}

/**
 * Writes random bytes, as some file systems take no room for zeros. All from one buffer: new ones would stay in memory.
 */
async function writeBytes(path: string, bytes: number): Promise<void> {
  await using file = await open(path, 'w', 0o600)
  const piece = Buffer.alloc(PIECE_BYTES)
  for (let written = 0; written < bytes; written += PIECE_BYTES) await file.write(randomFillSync(piece))
  await file.sync()
}
