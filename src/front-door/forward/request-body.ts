import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'

/** Why a body was not taken to its end. */
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
export interface BodyBounds {
  /** 0: none. */
  readonly maxBytes: number
  /** Longest gap between two reads from the client, in milliseconds. */
  readonly readGapMs: number
  /** Longest wait until the upstream takes what was read, in milliseconds. */
  readonly writeGapMs: number
}

/** Whether a request has a body, as its head says it. */
export function hasBody(
  { headers, method }: IncomingMessage | Http2ServerRequest,
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
 * until then another one can be tried.
 * Errors: {@link BodyStopped}.
 */
export async function* readBody(
  request: IncomingMessage | Http2ServerRequest,
  { maxBytes, readGapMs, writeGapMs }: BodyBounds,
  onStop: (reason: BodyFailure) => void,
): AsyncGenerator<Buffer> {
  let received = 0
  let waitsFor: 'client' | 'upstream' = 'client'
  const stop = (reason: BodyFailure): BodyStopped => {
    onStop(reason)
    return new BodyStopped(reason)
  }
  let timer: NodeJS.Timeout | undefined
  const watch = (): void => {
    clearTimeout(timer)
    const isClient = waitsFor === 'client'
    timer = setTimeout(
      () => {
        onStop(isClient ? 'too-slow' : 'upstream-too-slow')
        request.destroy(new BodyStopped(isClient ? 'too-slow' : 'upstream-too-slow'))
      },
      isClient ? readGapMs : writeGapMs,
    )
  }
  try {
    watch()
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Buffer
      received += bytes.length
      if (maxBytes > 0 && received > maxBytes) throw stop('too-large')
      waitsFor = 'upstream'
      watch()
      yield bytes
      waitsFor = 'client'
      watch()
    }
  } finally {
    clearTimeout(timer)
  }
}
