import type { Worker } from 'node:cluster'

/** A connection in transfer by `node:cluster`. */
interface HandedConnection {
  close(): void
}

/**
 * Closes a connection that was passed to a worker and not taken when it ended. The primary keeps each open until the
 * worker confirms it, and `node:cluster` waits for that for ever: such a client would wait, too.
 *
 * NOTE: this reads messages of `node:cluster` that are not documented: `newconn` with a number, and its confirmation.
 * If they change, `test/workers/lost-workers.test.ts` fails.
 */
export function closeUntakenConnections(worker: Worker): void {
  const untaken = new Map<unknown, HandedConnection>()
  let hasEnded = false
  const child = worker.process
  const send = child.send.bind(child) as (...args: unknown[]) => boolean
  child.send = (message: unknown, ...rest: unknown[]): boolean => {
    const [handle] = rest
    if (isHandOver(message) && isConnection(handle)) {
      if (hasEnded) {
        handle.close()
        return false
      }
      untaken.set(message.seq, handle)
    }
    return send(message, ...rest)
  }
  child.on('internalMessage', (message: unknown) => {
    untaken.delete(Object(message).ack)
  })
  child.once('exit', () => {
    hasEnded = true
    for (const connection of untaken.values()) connection.close()
    untaken.clear()
  })
}

function isHandOver(message: unknown): message is { readonly seq: number } {
  return Object(message).act === 'newconn'
}

function isConnection(handle: unknown): handle is HandedConnection {
  return typeof Object(handle).close === 'function'
}
