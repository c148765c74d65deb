import { open } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Gzip } from 'node:zlib'
import { createPace } from '../../exchange/limit-rate.ts'
import { untilTaken, writeAndWait } from '../../exchange/send-timeout.ts'
import type { Answering } from '../../exchange/site-exchange.ts'
import type { LocationSettings } from '../../vhost/settings/settings.ts'
import { failFile } from './fail-file.ts'

/** Bytes read at once: each is compressed and sent before more is read. */
const CHUNK_BYTES = 64 * 1024

/** A whole file, and the writer of its head. */
interface ZippedFile {
  readonly path: string | Buffer
  readonly writeHead: () => void
  readonly gzip: Gzip
}

/**
 * Answers with a file that is compressed as it goes.
 * @returns the status to answer with if nothing was sent; undefined: the answer went out, or its client is gone.
 */
export async function sendZipped(
  { response: anyResponse, holds }: Answering,
  { path, writeHead, gzip }: ZippedFile,
  { bytesPerSecond, sendTimeoutMs: timeoutMs }: LocationSettings,
): Promise<number | undefined> {
  const response = anyResponse as ServerResponse
  const hold = holds.holdAnswer(response)
  const pace = createPace(bytesPerSecond)
  try {
    // Opened before the head goes out: a file that cannot be read is an error of its own.
    await using file = await open(path)
    writeHead()
    const bytes = file.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false })
    pipeline(bytes, gzip, seenBelow)
    for await (const chunk of gzip as AsyncIterable<Buffer>) {
      hold.add(chunk.length)
      await writeAndWait(response, chunk, timeoutMs)
      hold.taken()
      const waitMs = pace?.(chunk.length) ?? 0
      if (waitMs > 0) await sleep(waitMs)
    }
    const isTaken = untilTaken(response, 'finish', { timeoutMs })
    response.end()
    await isTaken
  } catch (error) {
    gzip.destroy()
    return failFile(response, error)
  } finally {
    hold.close()
  }
  return undefined
}

function seenBelow(): void {
  // The reader of the stream gets the error.
}
