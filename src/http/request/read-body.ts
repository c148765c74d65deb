import type { IncomingMessage } from 'node:http'
import { OciError } from '../../oci/errors.ts'
import type { BodyHold } from '../bounds/body-room.ts'

/** Longest silence of a client in the middle of a small body, in milliseconds. */
const GAP_MS = 30_000

/**
 * Reads a whole small body into memory, which `hold` counts until the caller returns it. Errors: `tooLarge` made by the
 * caller, before or as soon as more than `maxBytes` come; `REQUEST_TIMEOUT`; `SIZE_INVALID` if the client goes away;
 * those of `hold`.
 */
export async function readBody(
  request: IncomingMessage,
  { maxBytes, tooLarge, hold }: { maxBytes: number; tooLarge: () => OciError; hold: BodyHold },
): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
  // A request without a body has ended before it is served, without a further event.
  if (request.readableEnded) return Buffer.alloc(0)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const timer = setTimeout(() => settle(() => reject(new OciError('REQUEST_TIMEOUT'))), GAP_MS)
    const onData = (chunk: Buffer): void => {
      timer.refresh()
      length += chunk.length
      try {
        if (length > maxBytes) throw tooLarge()
        hold.add(chunk.length)
        chunks.push(chunk)
      } catch (error) {
        settle(() => reject(error))
      }
    }
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks, length)))
    const onGone = (): void =>
      settle(() =>
        reject(new OciError('SIZE_INVALID', { message: 'The client went away before the end of the body' })),
      )
    const settle = (resolvePromise: () => void): void => {
      clearTimeout(timer)
      request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone)
      request.on('error', ignoreLateError)
      resolvePromise()
    }
    request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
    // Gone before the listeners were there: no further event comes.
    if (request.destroyed) onGone()
  })
}

function ignoreLateError(): void {
  // Already dealt with: a late failure of the sender changes nothing.
}
