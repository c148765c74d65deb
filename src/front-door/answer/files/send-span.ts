import { open } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { UnsentHold } from '../../../stream/unsent-bytes.ts'
import { createPace } from '../../exchange/limit-rate.ts'
import { untilTaken, writeAndWait } from '../../exchange/send-timeout.ts'
import type { Answering } from '../../exchange/site-exchange.ts'
import type { LocationSettings } from '../../vhost/settings/settings.ts'
import { failFile } from './fail-file.ts'

/** Least bytes read at once with `limit_rate`, otherwise those of a second: each should be more than a packet. */
const MIN_PACED_BYTES = 4 * 1024

/** Least bytes of a chunk that is read while the one before is on its way. */
const MIN_AHEAD_BYTES = 32 * 1024

/** Part of a file, and the head that goes before it. */
interface FileSpan {
  readonly path: string | Buffer
  readonly writeHead: () => void
  /** Both inclusive; the span holds a byte at least. */
  readonly start: number
  readonly end: number
}

/**
 * Answers with part of a file. One chunk is read while the one before is on its way; their size depends on the unsent
 * bytes of all answers (`stream/unsent-bytes.ts`).
 * @returns the status to answer with if nothing was sent; undefined: the answer went out, or its client is gone.
 */
export async function sendSpan(
  { response: anyResponse, holds }: Answering,
  span: FileSpan,
  settings: LocationSettings,
): Promise<number | undefined> {
  const response = anyResponse as ServerResponse
  const hold = holds.holdAnswer(response)
  try {
    await send(response, span, { settings, hold })
  } catch (error) {
    return failFile(response, error)
  } finally {
    hold.close()
  }
  return undefined
}

async function send(
  response: ServerResponse,
  { path, writeHead, start, end }: FileSpan,
  { settings, hold }: { settings: LocationSettings; hold: UnsentHold },
): Promise<void> {
  const { bytesPerSecond, sendTimeoutMs: timeoutMs } = settings
  const pace = createPace(bytesPerSecond)
  const mostAtOnce = pace ? Math.max(MIN_PACED_BYTES, bytesPerSecond) : Number.POSITIVE_INFINITY
  await using file = await open(path)
  let spare: Buffer | undefined
  let sending: Promise<void> | undefined
  for (let position = start; position <= end; ) {
    // In a crowd nothing is read ahead.
    if (hold.chunkBytes() < MIN_AHEAD_BYTES) await sending
    const size = Math.min(hold.chunkBytes(), mostAtOnce, end + 1 - position)
    hold.add(size)
    const buffer = spare && spare.length >= size ? spare : Buffer.allocUnsafeSlow(size)
    spare = undefined
    const { bytesRead } = await file.read(buffer, 0, size, position)
    if (bytesRead === 0) throw new Error('The file has become shorter')
    position += bytesRead
    await sending
    // Only now: a file that cannot be read is an error of its own.
    if (!response.headersSent) writeHead()
    const chunk = buffer.subarray(0, bytesRead)
    // Awaited here: while the file closes a failure would count as unhandled.
    if (position > end) return await finish(response, chunk, timeoutMs)
    sending = writeAndWait(response, chunk, timeoutMs).then(() => {
      hold.taken()
      spare = buffer
    })
    // A failure is thrown at the next wait; until then it must not count as unhandled.
    sending.catch(seenLater)
    const waitMs = pace?.(bytesRead) ?? 0
    if (waitMs > 0) await sleep(waitMs)
  }
}

/** The last bytes go out with the end: one write, one frame. */
async function finish(response: ServerResponse, bytes: Buffer, timeoutMs: number): Promise<void> {
  const isTaken = untilTaken(response, 'finish', { timeoutMs })
  response.end(bytes)
  await isTaken
}

function seenLater(): void {
  // Awaited by `send`, which throws it.
}
