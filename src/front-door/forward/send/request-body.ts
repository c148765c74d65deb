import type { Readable } from 'node:stream'
import type { SiteVisit } from '../../exchange/site-handler.ts'

/** Reason why a body was not read to its end. */
export type BodyFailure = 'too-large' | 'too-slow' | 'upstream-too-slow' | 'gone'

/** A body that stopped. */
export class BodyStopped extends Error {
  override readonly name = 'BodyStopped'
  readonly reason: BodyFailure

  constructor(reason: BodyFailure) {
    super(`The body of the request stopped: ${reason}`)
    this.reason = reason
  }
}

/** Bounds of a body. */
interface BodyBounds {
  /** 0: none. */
  readonly maxBytes: number
  /** Longest gap between two reads from the client, in milliseconds. */
  readonly readGapMs: number
  /** Longest wait until the upstream takes the bytes read, in milliseconds. */
  readonly writeGapMs: number
}

/** True if a request has a body, by its head. */
export function hasBody(
  { headers, request: { method } }: Pick<SiteVisit, 'headers' | 'request'>,
  isHttp2: boolean,
): boolean {
  if (headers['transfer-encoding'] !== undefined) return true
  const length = headers['content-length']
  if (length !== undefined) return length !== '0'
  // HTTP/2 needs neither header; a stream that ended with its head has no body.
  return isHttp2 && method !== 'GET' && method !== 'HEAD'
}

/**
 * The bytes of a body as they come, counted and timed. It can be begun once, and not before the upstream is reached:
 * until then another one can be tried. The request itself is left unchanged, so that it can still be answered.
 * `onStalled` is called for an upstream that takes nothing. Errors: {@link BodyStopped}.
 */
export async function* readBody(
  request: Readable,
  { maxBytes, readGapMs, writeGapMs }: BodyBounds,
  onStalled: () => void,
): AsyncGenerator<Buffer> {
  let received = 0
  for (;;) {
    const chunk = request.read() as Buffer | null
    if (chunk === null) {
      if (request.readableEnded) return
      await waitForMore(request, readGapMs)
      continue
    }
    received += chunk.length
    if (maxBytes > 0 && received > maxBytes) throw new BodyStopped('too-large')
    const timer = setTimeout(onStalled, writeGapMs)
    try {
      yield chunk
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Settles when there is more to read, or all was read. Errors: {@link BodyStopped}. */
function waitForMore(request: Readable, gapMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (reason?: BodyFailure): void => {
      clearTimeout(timer)
      request.off('readable', onMore)
      request.off('end', onMore)
      request.off('error', onGone)
      request.off('close', onGone)
      if (reason === undefined) resolve()
      else reject(new BodyStopped(reason))
    }
    const onMore = (): void => finish()
    const onGone = (): void => finish(request.readableEnded ? undefined : 'gone')
    const timer = setTimeout(() => finish('too-slow'), gapMs)
    request.on('readable', onMore)
    request.on('end', onMore)
    request.on('error', onGone)
    request.on('close', onGone)
    if (request.destroyed && !request.readableEnded) onGone()
  })
}
