import type { Http2Stream } from 'node:http2'

/**
 * Calls back with each chunk that has arrived on a stream, read or not, and with null at the end.
 *
 * NOTE: It replaces the stream's `push()`. Node has no event for arrivals: `data` starts the flow, `readable` comes once
 * for many chunks. Nor does it take a class for its streams, as it does for requests and answers (ADR 13).
 */
export function watchArrivals(stream: Http2Stream, onArrival: (chunk: Uint8Array | null) => void): void {
  const push = stream.push.bind(stream)
  stream.push = (chunk: Uint8Array | null, encoding?: BufferEncoding) => {
    const isRoom = push(chunk, encoding)
    onArrival(chunk)
    return isRoom
  }
}
