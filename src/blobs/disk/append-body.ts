import type { Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { BufferBudget } from '../../stream/buffer-budget.ts'
import { type Interruption, receive } from '../../stream/receive.ts'
import type { AppendRequest } from '../blob-store.ts'

/** Longest silence of a client in the middle of a body, in milliseconds: slow links pause, dead ones do not come back. */
export const BODY_GAP_MS = 60_000
/**
 * Bytes after which what is written is sent to the disk while more is received: the last flush then has little to do,
 * and the system's cache of dirty pages stays small.
 */
const FLUSH_EVERY_BYTES = 32 * 1024 * 1024

/** Writes a body behind `offset`, hashing it on the way; durable when it returns. */
export async function appendBody(
  file: FileHandle,
  hash: Hash,
  request: AppendRequest & { budget: BufferBudget },
): Promise<{ length: number; interruption: Interruption | undefined }> {
  const { offset, source, maxBytes, budget } = request
  const flusher = new Flusher(file)
  let length = 0
  const consume = async (bytes: Buffer): Promise<void> => {
    hash.update(bytes)
    await writeAll(file, bytes, offset + length)
    length += bytes.length
    await flusher.wrote(bytes.length)
  }
  try {
    const { interruption } = await receive(source, { budget, consume, maxBytes, gapMs: BODY_GAP_MS })
    await flusher.wait()
    await file.sync()
    return { length, interruption }
  } finally {
    // The file is closed next: nothing may still be at work on it.
    await flusher.settle()
  }
}

/** Flushes behind the writer's back, one flush at a time. */
class Flusher {
  readonly #file: FileHandle
  #unflushed = 0
  #flush: Promise<void> | undefined

  constructor(file: FileHandle) {
    this.#file = file
  }

  /** Errors: those of the flush before; after one the file is never written or flushed again. */
  async wrote(bytes: number): Promise<void> {
    this.#unflushed += bytes
    if (this.#unflushed < FLUSH_EVERY_BYTES) return
    await this.wait()
    this.#unflushed = 0
    this.#flush = this.#file.datasync()
    this.#flush.catch(seenLater)
  }

  async wait(): Promise<void> {
    await this.#flush
    this.#flush = undefined
  }

  async settle(): Promise<void> {
    await this.#flush?.catch(seenLater)
  }
}

function seenLater(): void {
  // `wait` throws it where it counts; this only keeps it from being called unhandled.
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const result = await file.write(bytes, written, bytes.length - written, position + written)
    written += result.bytesWritten
  }
}
