import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Time for which a client may stay after the other side has ended and everything was sent to it, in milliseconds. */
const LINGER_MS = 2_000

/** Two connections that are joined. Ten thousand of them may be open and silent, so there is little of each. */
export interface Conversation {
  readonly client: Duplex
  readonly upstream: Socket
  readonly idleMs: number
  /** Bytes that came from the upstream before. */
  readonly before: number
  /** Sides that are not closed. */
  open: number
  readonly onEnd: ((bytes: number) => void)[]
}

/** On both sides, for listeners that all conversations share: listeners of their own would cost as much as a socket. */
const CONVERSATION = Symbol('conversation')

type Side = Duplex & { [CONVERSATION]?: Conversation | undefined }

/**
 * Joins two connections: bytes pass as they come, each side waits for the other, and either may end first. A
 * conversation that is silent on both sides for `idleMs` is ended.
 */
export function joinSockets(
  client: Duplex,
  upstream: Socket,
  { idleMs, before }: { idleMs: number; before: number },
): Conversation {
  const conversation: Conversation = { client, upstream, idleMs, before, open: 2, onEnd: [] }
  for (const side of [client, upstream] as Side[]) {
    side[CONVERSATION] = conversation
    side
      .on('data', onData)
      .on('drain', onDrain)
      .on('end', onSideEnd)
      .on('error', onError)
      .on('close', onClose)
    // A former owner may have paused it.
    side.resume()
  }
  // Activity of either side keeps both alive: the timer is on the upstream, where the bytes of both ways pass.
  upstream.setTimeout(idleMs)
  upstream.on('timeout', onIdle)
  upstream.setNoDelay(true)
  return conversation
}

/**
 * Calls `listener` once both sides are closed, with the number of bytes from the upstream. It should hold little memory
 * meanwhile.
 */
export function whenOver(conversation: Conversation, listener: (bytes: number) => void): void {
  if (conversation.open > 0) conversation.onEnd.push(listener)
  else listener(countBytes(conversation))
}

function countBytes({ upstream, before }: Conversation): number {
  return upstream.bytesRead - before
}

function otherOf(side: Side): Duplex | undefined {
  const conversation = side[CONVERSATION]
  return conversation?.client === side ? conversation.upstream : conversation?.client
}

function onData(this: Side, chunk: Buffer): void {
  const other = otherOf(this)
  if (other?.writable && !other.write(chunk)) this.pause()
}

function onDrain(this: Side): void {
  otherOf(this)?.resume()
}

function onSideEnd(this: Side): void {
  const other = otherOf(this)
  if (other?.writable) other.end()
}

function onError(this: Side): void {
  otherOf(this)?.destroy()
}

function onIdle(this: Side): void {
  otherOf(this)?.destroy()
  this.destroy()
}

function onClose(this: Side): void {
  const conversation = this[CONVERSATION]
  if (!conversation) return
  const { client, upstream, onEnd } = conversation
  if (this === client) upstream.destroy()
  else endClient(conversation)
  conversation.open -= 1
  if (conversation.open > 0) return
  for (const listener of onEnd.splice(0)) listener(countBytes(conversation))
}

/** The last bytes of the upstream may still be on their way; but no client stays for ever without another side. */
function endClient({ client, idleMs }: Conversation): void {
  if (client.destroyed) return
  if (client instanceof Socket) client.setTimeout(idleMs).on('timeout', () => client.destroy())
  const linger = (): void => {
    const timer = setTimeout(() => client.destroy(), LINGER_MS)
    client.once('close', () => clearTimeout(timer))
  }
  if (client.writableFinished) linger()
  else client.once('finish', linger)
  if (!client.writableEnded) client.end()
}
