import { countDroppedBytes } from './collect-chunks.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** From this many bytes on, answers get smaller chunks, and a connection has few of them at once: some 400 answers. */
export const CROWDED_BYTES: number = 12 * MIB
/** From this many bytes on all chunks are as small as can be. */
const PRESSING_BYTES = 64 * MIB
/** What all answers may hold together: as much as transfers of the registry, which are among them. */
export const MAX_UNSENT_BYTES: number = 128 * MIB
/** To what share of it the memory is emptied, so that the search for what to end is made seldom. */
const EMPTIED_SHARE = 7 / 8
/** What one connection may hold before its answers get smaller chunks. */
const CONNECTION_BYTES = 1024 * KIB
/** What an answer under way takes besides its bytes, as measured with HTTP/2: stream, headers, objects. */
const ANSWER_BYTES = 24 * KIB
/** Answers of one connection that are always begun, however much the others hold. */
export const FEW_ANSWERS = 4
/** Bytes of the largest chunk: with more nothing is won. */
const MAX_CHUNK_BYTES = 256 * KIB
/** Bytes of the smallest chunk; those of a crowd cost more calls than they are worth, but no more memory. */
const QUIET_CHUNK_BYTES = 16 * KIB
const MIN_CHUNK_BYTES = 4 * KIB
/** To what a chunk may grow in a crowd where a connection has few answers and takes them fast. */
const GROWN_CHUNK_BYTES = 16 * KIB
/** A chunk that was taken within the first doubles the next one; one that took longer than the second halves it. */
const FAST_MS = 250
const SLOW_MS = 1_000
/** An answer of which nothing was taken for so long may be ended where it holds others up. */
export const STALLED_MS = 5_000
/** Answers after which the search for such goes on in the next turn: each takes some 0.1 ms, and others are served between. */
const ENDED_IN_A_TURN = 100
/** Time between two looks for such answers. */
const LOOK_MS = 1_000

/** Who takes an answer. */
export interface AnswerTaker {
  /** The connection or session: answers with the same one share what it may hold. */
  readonly connection: object
  endAnswer(): void
  endConnection(): void
}

/** What was ended because it held others up. */
export interface EndedAnswers {
  readonly answers: number
  readonly bytes: number
}

/** One connection while it has answers. */
interface Peer {
  readonly holds: Set<UnsentHold>
  /** Answers that were not begun yet. */
  readonly waiting: Map<UnsentHold, () => void>
  /** With what its answers take besides. */
  bytes: number
  /** Answers that count: those that were begun and do not wait for others, and those that have unsent bytes. */
  busy: number
  /** When it took something last. */
  movedAt: number
}

/**
 * Counts what was read for answers and not yet sent, all connections and kinds of answer together.
 *
 * Nobody waits while there is little of it. In a crowd chunks become smaller, and a connection has few answers at once;
 * others of it wait. Where a connection has more than these, those that are not taken are ended, and beyond
 * {@link MAX_UNSENT_BYTES} the connections that hold most for longest. So a reader that is slow costs others nothing.
 */
export class UnsentBytes {
  readonly #peers = new Map<object, Peer>()
  readonly #listeners = new Set<(ended: EndedAnswers) => void>()
  readonly #clock: () => number
  #bytes = 0
  #timer: NodeJS.Timeout | undefined

  /** @param clock Milliseconds. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock
  }

  /** What all answers hold now, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Calls back when answers were ended, until it is disposed of. */
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
      close: () => this.#forget(taker.connection, of, hold),
    })
    peer.holds.add(hold)
    return hold
  }

  /** Ends what holds others up; called from time to time while somebody waits or much is held. */
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
    // What was ended is collected before others take its place.
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

  /** Gives how many answers were ended. */
  #endStalled(peer: Peer, before: number): number {
    const stalled = [...peer.holds].filter(({ unsentSince }) => unsentSince < before)
    if (stalled.length === 0) return 0
    if (peer.movedAt < before) return this.#endAll(peer)
    const bytes = stalled.reduce((sum, hold) => sum + hold.bytes, 0)
    for (const hold of stalled) {
      hold.taker.endAnswer()
      hold.close()
    }
    this.#tell({ answers: stalled.length, bytes })
    return stalled.length
  }

  #endAll(peer: Peer): number {
    const [...holds] = peer.holds
    const ended = { answers: holds.length, bytes: peer.bytes }
    holds[0]?.taker.endConnection()
    for (const hold of holds) hold.close()
    countDroppedBytes(holds.length * ANSWER_BYTES)
    this.#tell(ended)
    return holds.length
  }

  /** Those that hold much for long, not those that hold much and take it at once. */
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

  #tell(ended: EndedAnswers): void {
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
  /** For an answer of which nothing was taken yet. */
  readonly first: number
  /** For one that takes its chunks fast. */
  readonly most: number
}

interface HoldPorts {
  now(): number
  count(bytes: number, busy: number): void
  admit(begin: () => void): void
  chunkBounds(): ChunkBounds
  close(): void
}

/** The bytes of one answer that were read and not yet sent. */
export class UnsentHold {
  readonly taker: AnswerTaker
  readonly #ports: HoldPorts
  readonly #chunks: { readonly bytes: number; readonly at: number }[] = []
  /** Of the chunks. */
  #unsent = 0
  #readAhead = 0
  /** What was counted of all that. */
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

  /** With what the answer takes besides, in bytes; 0 while it waits for others and all that was read is sent. */
  get bytes(): number {
    return this.#bytes
  }

  /** Since when none of what is unsent was taken, by the clock; infinite if nothing is unsent. */
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

  /** The answer waits for something else than its reader: until it has bytes it takes none of its connection's turns. */
  waitForOthers(): void {
    this.#isBegun = false
    this.#recount()
  }

  /** What is read ahead for this answer and cannot be counted, in bytes; taken to be so while bytes of it are unsent. */
  readsAhead(bytes: number): void {
    this.#readAhead = bytes
  }

  /** How much should be read at once now, in bytes: a power of two. */
  chunkBytes(): number {
    const { first, most } = this.#ports.chunkBounds()
    this.#size = Math.min(this.#size === 0 ? first : this.#size, most)
    return this.#size
  }

  /** Counts bytes that are read for the answer; {@link taken} counts them off, in the same order. */
  add(bytes: number): void {
    if (this.#isClosed) return
    const at = this.#ports.now()
    if (this.#chunks.push({ bytes, at }) === 1) this.#since = at
    this.#unsent += bytes
    this.#recount()
  }

  /** The oldest chunk that was added is on its way. */
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

  /** Nothing of the answer is held any more. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isBegun = false
    // An answer that was broken off has grown old, and V8 does not see what its buffers hold.
    if (this.#unsent > 0) countDroppedBytes(this.#unsent)
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

/** The one count of this process. */
export const unsentBytes: UnsentBytes = new UnsentBytes()
