import { constants, type Http2Session, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { watchArrivals } from './watch-arrivals.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Window of a stream until it is known to be large, in bytes: the protocol's own (RFC 9113 section 6.9.2). */
const SMALL_WINDOW_BYTES = 64 * KIB - 1
/** Window of a stream while there are few uploads: 80 MB/s over a round trip of 100 ms. */
const LARGE_WINDOW_BYTES = 8 * MIB
/** Most that the windows of all uploads may be together: bytes that clients may send and this process has to keep. */
const WINDOWS_BYTES = 64 * MIB
/** Window of a connection. Node returns received bytes at once, so that it bounds a flight and no memory. */
const CONNECTION_WINDOW_BYTES = 16 * MIB
/** From this many bytes on a body is an upload: half a small window, so that the larger one comes in time. */
const UPLOAD_BYTES = 32 * KIB
/** Unread bytes of a stream from which on it is watched, and of all together before the worst is ended. */
const BACKLOG_BYTES = 512 * KIB
const MAX_BACKLOG_BYTES = 96 * MIB
/** Time for which a connection keeps its window after its last upload, in milliseconds. */
const KEEP_MS = 10_000

interface Granted {
  window: number
  uploads: number
  usedAt: number
}

/**
 * Sizes the windows of uploads over HTTP/2 for the link, within one budget of the process. A window is the amount that
 * a client may send in a round trip, and that must be kept if it is not taken. Node can change it for all streams of a
 * connection only, by SETTINGS. The listeners of a process share one.
 */
export class UploadWindows {
  readonly #granted = new Map<Http2Session, Granted>()
  /** Streams with many unread bytes, of clients that ignore a smaller window or have not seen it yet. */
  readonly #backlogs = new Set<ServerHttp2Stream>()
  #uploads = 0
  #isAdjusting = false
  #sweep: NodeJS.Timeout | undefined

  /** Prepares a connection. */
  add(session: ServerHttp2Session): void {
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
    session.once('close', () => this.#granted.delete(session))
    session.on('localSettings', () => this.#adjust(session))
  }

  /** Watches the body of a request. */
  watch(stream: ServerHttp2Stream): void {
    let received = 0
    let isUpload = false
    watchArrivals(stream, (chunk) => {
      received += chunk?.length ?? 0
      if (!isUpload && received > UPLOAD_BYTES) {
        isUpload = true
        this.#begin(stream)
      }
      if (stream.readableLength > BACKLOG_BYTES) this.#boundBacklogs(stream)
    })
  }

  #begin(stream: ServerHttp2Stream): void {
    const { session } = stream
    if (!session || session.destroyed) return
    const granted = this.#granted.get(session) ?? { window: SMALL_WINDOW_BYTES, uploads: 0, usedAt: 0 }
    this.#granted.set(session, granted)
    granted.uploads++
    this.#uploads++
    this.#sweep ??= setInterval(() => this.#endIdle(), KEEP_MS).unref()
    this.#adjustSoon()
    let isOver = false
    const end = (): void => {
      if (isOver) return
      isOver = true
      granted.uploads--
      granted.usedAt = Date.now()
      this.#uploads--
      this.#adjustSoon()
    }
    stream.once('end', end).once('close', end)
  }

  /** Of many that begin at once the first must not get much: they are counted before. */
  #adjustSoon(): void {
    if (this.#isAdjusting) return
    this.#isAdjusting = true
    setImmediate(() => {
      this.#isAdjusting = false
      for (const session of this.#granted.keys()) this.#adjust(session)
    })
  }

  /** Settings are sent one at a time, and only for noticeable changes: clients end connections that flood with them. */
  #adjust(session: Http2Session): void {
    const granted = this.#granted.get(session)
    if (!granted || session.destroyed || session.closed || session.pendingSettingsAck) return
    const size = this.#windowNow()
    if (size === granted.window || (size > granted.window && granted.uploads === 0)) return
    granted.window = size
    session.settings({ initialWindowSize: size })
  }

  /**
   * An equal part for each upload, and for those that may begin on connections with a large window, of the budget not
   * filled by others.
   */
  #windowNow(): number {
    const parts = Math.max(1, this.#uploads, this.#granted.size)
    const free = Math.max(1, WINDOWS_BYTES - this.#measureBacklogs().bytes)
    return Math.min(LARGE_WINDOW_BYTES, Math.max(SMALL_WINDOW_BYTES, floorToPowerOfTwo(free / parts)))
  }

  #endIdle(): void {
    const before = Date.now() - KEEP_MS
    for (const [session, granted] of this.#granted) {
      if (granted.uploads > 0 || granted.usedAt > before || session.pendingSettingsAck) continue
      this.#granted.delete(session)
      if (!session.destroyed && !session.closed) session.settings({ initialWindowSize: SMALL_WINDOW_BYTES })
    }
    if (this.#granted.size > 0) return
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }

  #boundBacklogs(stream: ServerHttp2Stream): void {
    this.#backlogs.add(stream)
    const { bytes, worst } = this.#measureBacklogs()
    if (bytes <= MAX_BACKLOG_BYTES || !worst) return
    this.#backlogs.delete(worst)
    worst.session?.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }

  #measureBacklogs(): { bytes: number; worst: ServerHttp2Stream | undefined } {
    let bytes = 0
    let worst: ServerHttp2Stream | undefined
    for (const stream of this.#backlogs) {
      const { readableLength } = stream
      if (stream.destroyed || readableLength <= BACKLOG_BYTES) this.#backlogs.delete(stream)
      else {
        bytes += readableLength
        if (!worst || readableLength > worst.readableLength) worst = stream
      }
    }
    return { bytes, worst }
  }
}

function floorToPowerOfTwo(value: number): number {
  return 2 ** Math.floor(Math.log2(value))
}
