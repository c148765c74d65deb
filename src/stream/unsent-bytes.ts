import type { ChunkCollector } from './chunk-collector.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** From this many bytes on, some 400 answers, chunks are smaller, and a connection has only few answers at once. */
export const CROWDED_BYTES: number = 12 * MIB
/** From this many bytes on all chunks have the smallest size. */
const PRESSING_BYTES = 64 * MIB
/** Most bytes of all answers together: as much as transfers of the registry, which are among them. */
export const MAX_UNSENT_BYTES: number = 128 * MIB
/** Share of it that is left after answers were ended, so that the search for answers to end is seldom made. */
const EMPTIED_SHARE = 7 / 8
/** Bytes of one connection from which on its answers get smaller chunks. */
const CONNECTION_BYTES = 1024 * KIB
/** Memory of an answer under way besides its bytes, as measured with HTTP/2: stream, headers, objects. */
const ANSWER_BYTES = 24 * KIB
/** Answers of one connection that always begin, however much the others hold. */
export const FEW_ANSWERS = 4
/** Bytes of the largest chunk: more is no faster. */
const MAX_CHUNK_BYTES = 256 * KIB
/** Bytes of the smallest chunk outside a crowd: smaller ones cost more calls, and save memory only in a crowd. */
const QUIET_CHUNK_BYTES = 16 * KIB
const MIN_CHUNK_BYTES = 4 * KIB
/** Largest chunk in a crowd, for a connection that has few answers and takes them fast. */
const GROWN_CHUNK_BYTES = 16 * KIB
/** A chunk taken within the first time doubles the next one; one that took longer than the second halves it. */
const FAST_MS = 250
const SLOW_MS = 1_000
/** An answer that takes nothing for so long may be ended if it holds up others. */
export const STALLED_MS = 5_000
/** Answers ended in one turn: each takes some 0.1 ms, and others are served between turns. */
const ENDED_IN_A_TURN = 100
/** Time between two searches for stalled answers. */
const LOOK_MS = 1_000

/** Receiver of an answer. */
interface AnswerTaker {
  /** The connection or session: answers with the same one share its bounds. */
  readonly connection: object
  endAnswer(): void
  endConnection(): void
}

/** Answers ended because they held up others. */
export interface EndedAnswers {
  readonly answers: number
  readonly bytes: number
}

/** One connection while it has answers. */
interface Peer {
  readonly holds: Set<UnsentHold>
  /** Answers that have not begun yet. */
  readonly waiting: Map<UnsentHold, () => void>
  /** Unsent bytes, and the memory of the answers themselves. */
  bytes: number
  /** Answers that count: begun and not waiting for an upstream, or with unsent bytes. */
  busy: number
  /** Time at which the connection last took something. */
  movedAt: number
}

/**
 * Counts bytes read for answers and not yet sent, for all connections and kinds of answer together.
 *
 * Below {@link CROWDED_BYTES} nothing waits. In a crowd chunks become smaller, and a connection has few answers at
 * once; its other answers wait. Of a connection with more of them, the stalled ones are ended, and beyond {@link
 * MAX_UNSENT_BYTES} the connections that hold most for longest. So a slow reader costs others nothing. A process has one,
 * since its bounds are those of the memory of the process.
 */
export class UnsentBytes {
  readonly #peers = new Map<object, Peer>()
  readonly #listeners = new Set<(ended: EndedAnswers) => void>()
  readonly #collector: ChunkCollector
  readonly #clock: () => number
  #bytes = 0
  #timer: NodeJS.Timeout | undefined

  /** @param clock Milliseconds. */
  constructor(collector: ChunkCollector, clock: () => number = () => performance.now()) {
    this.#collector = collector
    this.#clock = clock
  }

  /** Bytes that all answers hold now. */
  get bytes(): number {
    return this.#bytes
  }

  /** Calls back when answers were ended, until disposed of. */
  onEnded(listener: (ended: EndedAnswers) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  /** Begins to count an answer; the caller ends it with {@link UnsentHold.close}. */
  open(taker: AnswerTaker): UnsentHold {
    let peer = this.#peers.get(taker.connection)
    if (!peer) {
      peer = { holds: new Set(), waiting: new Map(), bytes: 0, busy: 0, movedAt: this.#clock() }
      this.#peers.set(taker.connection, peer)
    }
    const of = peer
    const hold: UnsentHold = new UnsentHold(taker, {
      now: this.#clock,
      count: (bytes, busy) => this.#count(of, bytes, busy),
      admit: (begin) => this.#admit(of, hold, begin),
      chunkBounds: () => this.#chunkBounds(of),
      countDropped: (bytes) => this.#collector.countDropped(bytes),
      close: () => this.#forget(taker.connection, of, hold),
    })
    peer.holds.add(hold)
    return hold
  }

  /** Ends answers that hold up others; called from time to time while one waits or much is held. */
  look(): void {
    const before = this.#clock() - STALLED_MS
    let ended = 0
    for (const peer of this.#peers.values()) {
      const isCrowding = this.#bytes >= CROWDED_BYTES && peer.busy > FEW_ANSWERS
      if (isCrowding || peer.waiting.size > 0) ended += this.#endStalled(peer, before)
      if (ended < ENDED_IN_A_TURN) continue
      setImmediate(() => this.look())
      break
    }
    // Memory of ended answers is collected before others take its place.
    if (ended === 0) for (const peer of this.#peers.values()) this.#wake(peer)
    if (!this.#hasToLook()) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  #count(peer: Peer, bytes: number, busy: number): void {
    this.#bytes += bytes
    peer.bytes += bytes
    peer.busy += busy
    if (bytes < 0) peer.movedAt = this.#clock()
    else if (this.#bytes > MAX_UNSENT_BYTES) this.#endWorst()
    if (this.#bytes >= CROWDED_BYTES) this.#lookLater()
    if (peer.waiting.size > 0) this.#wake(peer)
  }

  #mayBegin(peer: Peer): boolean {
    return this.#bytes < CROWDED_BYTES || peer.busy < FEW_ANSWERS
  }

  #admit(peer: Peer, hold: UnsentHold, begin: () => void): void {
    if (peer.waiting.size === 0 && this.#mayBegin(peer)) {
      begin()
      return
    }
    peer.waiting.set(hold, begin)
    this.#lookLater()
  }

  #wake(peer: Peer): void {
    for (const [hold, begin] of peer.waiting) {
      if (!this.#mayBegin(peer)) return
      peer.waiting.delete(hold)
      begin()
    }
  }

  #chunkBounds({ bytes, busy }: Peer): ChunkBounds {
    const free = Math.min((CONNECTION_BYTES - bytes) / 2, (CROWDED_BYTES - this.#bytes) / 32)
    const least = this.#bytes < CROWDED_BYTES / 2 ? QUIET_CHUNK_BYTES : MIN_CHUNK_BYTES
    const first = Math.max(least, Math.min(MAX_CHUNK_BYTES, floorToPowerOfTwo(free)))
    const mayGrow = busy <= FEW_ANSWERS && this.#bytes < PRESSING_BYTES
    return { first, most: mayGrow ? Math.max(first, GROWN_CHUNK_BYTES) : first }
  }

  #forget(connection: object, peer: Peer, hold: UnsentHold): void {
    peer.holds.delete(hold)
    peer.waiting.delete(hold)
    if (peer.holds.size === 0 && this.#peers.get(connection) === peer) this.#peers.delete(connection)
  }

  /** @returns how many answers were ended. */
  #endStalled(peer: Peer, before: number): number {
    const stalled = [...peer.holds].filter(({ unsentSince }) => unsentSince < before)
    if (stalled.length === 0) return 0
    if (peer.movedAt < before) return this.#endAll(peer)
    const bytes = stalled.reduce((sum, hold) => sum + hold.bytes, 0)
    for (const hold of stalled) {
      hold.taker.endAnswer()
      hold.close()
    }
    this.#reportEnded({ answers: stalled.length, bytes })
    return stalled.length
  }

  #endAll(peer: Peer): number {
    const [...holds] = peer.holds
    const ended = { answers: holds.length, bytes: peer.bytes }
    holds[0]?.taker.endConnection()
    for (const hold of holds) hold.close()
    this.#collector.countDropped(holds.length * ANSWER_BYTES)
    this.#reportEnded(ended)
    return holds.length
  }

  /** Ends the connections that hold most for longest; one that holds much and takes it at once is spared. */
  #endWorst(): void {
    const now = this.#clock()
    const weights = new Map<Peer, number>()
    for (const peer of this.#peers.values()) {
      let weight = 0
      for (const { bytes, unsentSince } of peer.holds)
        if (bytes > 0) weight += bytes * (1 + now - unsentSince)
      weights.set(peer, weight)
    }
    const worst = [...weights].sort((a, b) => b[1] - a[1])
    for (const [peer] of worst) {
      if (this.#bytes <= MAX_UNSENT_BYTES * EMPTIED_SHARE) return
      this.#endAll(peer)
    }
  }

  #reportEnded(ended: EndedAnswers): void {
    for (const listener of this.#listeners) listener(ended)
  }

  #hasToLook(): boolean {
    if (this.#bytes >= CROWDED_BYTES) return true
    for (const { waiting } of this.#peers.values()) if (waiting.size > 0) return true
    return false
  }

  #lookLater(): void {
    this.#timer ??= setInterval(() => this.look(), LOOK_MS).unref()
  }
}

interface ChunkBounds {
  /** For an answer that has taken nothing yet. */
  readonly first: number
  /** For an answer that takes its chunks fast. */
  readonly most: number
}

interface HoldPorts {
  now(): number
  count(bytes: number, busy: number): void
  admit(begin: () => void): void
  chunkBounds(): ChunkBounds
  countDropped(bytes: number): void
  close(): void
}

/** The bytes of one answer that were read and not yet sent. */
export class UnsentHold {
  readonly taker: AnswerTaker
  readonly #ports: HoldPorts
  readonly #chunks: { readonly bytes: number; readonly at: number }[] = []
  /** Bytes of the chunks. */
  #unsent = 0
  #readAhead = 0
  /** Bytes counted so far for chunks, read-ahead and the answer itself. */
  #bytes = 0
  #busy = 0
  #since = Number.POSITIVE_INFINITY
  #size = 0
  #isBegun = false
  #isClosed = false

  constructor(taker: AnswerTaker, ports: HoldPorts) {
    this.taker = taker
    this.#ports = ports
  }

  /**
   * Unsent bytes with the memory of the answer itself; 0 while it waits for an upstream and everything read is sent.
   */
  get bytes(): number {
    return this.#bytes
  }

  /** Time since which none of the unsent bytes was taken, by the clock; infinite if none is unsent. */
  get unsentSince(): number {
    return this.#since
  }

  /** Calls back when this answer may begin, which is at once outside a crowd; never if it is closed before. */
  admit(begin: () => void): void {
    if (this.#isClosed) return
    this.#ports.admit(() => {
      this.#isBegun = true
      this.#recount()
      begin()
    })
  }

  /**
   * The answer waits for an upstream, not for its reader: until it has bytes it takes none of its connection's turns.
   */
  waitForOthers(): void {
    this.#isBegun = false
    this.#recount()
  }

  /**
   * Bytes read ahead for this answer elsewhere, which cannot be counted; assumed to be held while bytes of it are
   * unsent.
   */
  readsAhead(bytes: number): void {
    this.#readAhead = bytes
  }

  /** Bytes that should be read at once now: a power of two. */
  chunkBytes(): number {
    const { first, most } = this.#ports.chunkBounds()
    this.#size = Math.min(this.#size === 0 ? first : this.#size, most)
    return this.#size
  }

  /** Counts bytes read for the answer; {@link taken} counts them off, in the same order. */
  add(bytes: number): void {
    if (this.#isClosed) return
    const at = this.#ports.now()
    if (this.#chunks.push({ bytes, at }) === 1) this.#since = at
    this.#unsent += bytes
    this.#recount()
  }

  /** Counts off the oldest chunk: it is on its way. */
  readonly taken = (): void => {
    const chunk = this.#chunks.shift()
    if (!chunk || this.#isClosed) return
    const now = this.#ports.now()
    const tookMs = now - Math.max(chunk.at, this.#since)
    this.#since = this.#chunks.length === 0 ? Number.POSITIVE_INFINITY : now
    this.#unsent -= chunk.bytes
    if (tookMs < FAST_MS) this.#size *= 2
    else if (tookMs > SLOW_MS) this.#size = Math.max(MIN_CHUNK_BYTES, this.#size / 2)
    this.#recount()
  }

  /** Counts the answer off: it holds nothing any more. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isBegun = false
    // Objects of an answer that broke off have grown old, and V8 does not see the size of their buffers.
    if (this.#unsent > 0) this.#ports.countDropped(this.#unsent)
    this.#chunks.length = 0
    this.#unsent = 0
    this.#since = Number.POSITIVE_INFINITY
    this.#ports.close()
    this.#recount()
  }

  #recount(): void {
    const isUnsent = this.#chunks.length > 0
    const busy = this.#isBegun || isUnsent ? 1 : 0
    const bytes = busy * ANSWER_BYTES + this.#unsent + (isUnsent ? this.#readAhead : 0)
    const more = bytes - this.#bytes
    const busier = busy - this.#busy
    this.#bytes = bytes
    this.#busy = busy
    if (more !== 0) this.#ports.count(more, busier)
  }
}

function floorToPowerOfTwo(value: number): number {
  return value < 1 ? 0 : 2 ** Math.floor(Math.log2(value))
}
