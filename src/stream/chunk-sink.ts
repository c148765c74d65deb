/** Takes bytes; they may be overwritten once the promise is settled. Rejects when the receiver is gone. */
export type ChunkSink = (bytes: Buffer) => Promise<void>
