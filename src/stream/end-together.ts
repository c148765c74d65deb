/** Largest body joined with its head: the most that Node writes without a copy on the heap. */
export const MAX_JOINED_BYTES = 16 * 1024

/** The part of an HTTP/1.1 answer that is used. */
interface JoinableAnswer {
  end(text: string, encoding: 'latin1'): unknown
}

/**
 * Ends an answer whose head was set with a body of at most {@link MAX_JOINED_BYTES}, which must not change until then.
 *
 * The answers of one turn of the event loop are written one after the other at its end: each write wakes the client,
 * unless the one before has woken it already. Node joins head and text into one write, which it does not do with bytes;
 * Latin-1 keeps every byte as it is.
 */
export function endTogether(answer: JoinableAnswer, body: Uint8Array): void {
  setImmediate(() => {
    answer.end(Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1'), 'latin1')
  })
}
