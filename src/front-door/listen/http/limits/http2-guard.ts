import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'

/** Streams of one HTTP/2 connection at once: the least that RFC 9113 section 6.5.2 recommends, as each takes memory. */
export const MAX_STREAMS = 100
/**
 * Streams that one connection may open and reset before they were answered (CVE-2023-44487), in a row and per second
 * after that: more than a person who scrolls through pictures.
 */
export const MAX_RESETS = 400
const RESETS_PER_S = 50

/** Ends a session whose client opens streams only to reset them. */
export function guardAgainstResets(session: ServerHttp2Session): void {
  let left = MAX_RESETS
  let since = Date.now()
  const onClose = function onClose(this: ServerHttp2Stream): void {
    if (!this.aborted) return
    const now = Date.now()
    left = Math.min(MAX_RESETS, left + ((now - since) / 1000) * RESETS_PER_S) - 1
    since = now
    if (left < 0) session.destroy()
  }
  session.on('stream', (stream) => {
    stream.on('error', ignore)
    stream.once('close', onClose)
  })
}

function ignore(): void {}
