import type { Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { BufferBudget } from '../../stream/buffer-budget.ts'
import { type Interruption, receive } from '../../stream/receive.ts'
import type { AppendRequest } from '../blob-store.ts'

/** Longest silence of a client in the middle of a body, in milliseconds: slow links pause, dead ones do not come back. */
export const BODY_GAP_MS = 60_000

/** Writes a body behind `offset`, hashing it on the way; durable when it returns. */
export async function appendBody(
  file: FileHandle,
  hash: Hash,
  request: AppendRequest & { budget: BufferBudget },
): Promise<{ length: number; interruption: Interruption | undefined }> {
  const { offset, source, maxBytes, budget } = request
  const writing = new Set<Promise<void>>()
  let length = 0
  const consume = (bytes: Buffer): Promise<void> => {
    const position = offset + length
    length += bytes.length
    // The write is handed over first: it runs on another thread while this one hashes.
    const written = writeAll(file, bytes, position)
    hash.update(bytes)
    writing.add(written)
    return written.finally(() => writing.delete(written))
  }
  try {
    const { interruption } = await receive(source, { budget, consume, maxBytes, gapMs: BODY_GAP_MS })
    await file.sync()
    return { length, interruption }
  } finally {
    // The file is closed next: nothing may still be at work on it.
    await Promise.allSettled(writing)
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const result = await file.write(bytes, written, bytes.length - written, position + written)
    written += result.bytesWritten
  }
}
