import { type FileHandle, open } from 'node:fs/promises'
import type { ByteRange } from '../../oci/byte-range.ts'
import { OciError } from '../../oci/errors.ts'
import type { BufferBudget } from '../../stream/buffer-budget.ts'
import type { ChunkSink } from '../../stream/chunk-sink.ts'
import { isAbsent, systemCodeOf, toStorageFault } from '../storage-fault.ts'

/** Spans of a file, and the sink that gets them. */
interface SendOptions {
  readonly ranges: readonly ByteRange[]
  readonly sink: ChunkSink
  readonly budget: BufferBudget
}

/**
 * Sends spans of a file through two buffers: one is read into while the other is on its way out.
 * Errors: `BLOB_UNKNOWN` if the file is absent or ends early, `TOOMANYREQUESTS`, `UNAVAILABLE`, and those of the sink.
 */
export async function sendFile(path: string, options: SendOptions): Promise<void> {
  options.budget.enter()
  try {
    await using file = await open(path, 'r')
    const { size } = await file.stat()
    // Before the first byte, as long as the answer can still be an error.
    if (options.ranges.some(({ end }) => end > size)) throw endsEarly()
    await sendOpened(file, options)
  } catch (error) {
    // A folder can be opened, and not be read.
    if (isAbsent(error) || systemCodeOf(error) === 'EISDIR')
      throw new OciError('BLOB_UNKNOWN', { cause: error })
    throw toStorageFault(error, 'the content cannot be read')
  } finally {
    options.budget.leave()
  }
}

async function sendOpened(file: FileHandle, { ranges, sink, budget }: SendOptions): Promise<void> {
  let sending: Promise<void> | undefined
  try {
    for (const { start, end } of ranges) {
      for (let position = start; position < end; ) {
        const buffer = budget.take(end - position)
        const length = Math.min(buffer.length, end - position)
        const { bytesRead } = await file.read(buffer, 0, length, position)
        if (bytesRead === 0) throw endsEarly()
        position += bytesRead
        await sending
        sending = sink(buffer.subarray(0, bytesRead)).then(() => budget.give(buffer))
        // A failure is thrown at the next wait; until then it must not count as unhandled.
        sending.catch(seenLater)
      }
    }
    await sending
  } catch (error) {
    await sending?.catch(seenLater)
    throw error
  }
}

function endsEarly(): OciError {
  return new OciError('BLOB_UNKNOWN', { message: 'The stored blob ends early' })
}

function seenLater(): void {
  // Awaited by `sendOpened`, which throws it.
}
