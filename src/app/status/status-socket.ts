import { chmodSync, closeSync, lstatSync, openSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { ProcessReport, ReportKind } from './process-report.ts'

/** Name of the socket in the data folder. */
const STATUS_SOCKET = 'status.sock'

/** Longest path of a socket on Linux, in bytes, without its end mark (unix(7)). */
const MAX_PATH_BYTES = 107
/** Readers at once: an operator with a few terminals. */
const MAX_READERS = 8
/** Longest question, in bytes. */
const MAX_QUESTION_BYTES = 32
/** Longest life of a connection, in milliseconds. */
const READER_MS = 5_000
/** Longest answer that a command reads, in bytes: the lines and transfers of some dozen workers. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** The state of a running server. */
export interface ServerReport {
  readonly version: string
  readonly node: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly urls: readonly string[]
  readonly workers: number
  /** Processes that did not answer in time. */
  readonly silent: number
  readonly processes: readonly ProcessReport[]
}

/** Parts of the open socket. */
interface StatusSocketParts {
  readonly dataDir: string
  readonly logger: Logger
  readonly read: (kind: ReportKind) => Promise<ServerReport>
}

/**
 * Opens the socket on which commands of the owner of the data folder read what this server does. It takes no orders. The
 * caller holds the lock of the data folder, so a socket that is there is of a server that has ended. Without a socket
 * the server serves all the same.
 */
export async function openStatusSocket(parts: StatusSocketParts): Promise<AsyncDisposable | undefined> {
  const { dataDir, logger } = parts
  try {
    const place = openPlace(dataDir)
    try {
      removeLeft(place.path)
      return await listen(place, parts)
    } catch (error) {
      place.close()
      throw error
    }
  } catch (err) {
    logger.warn({ err }, '"berth status" will not see this server: its socket cannot be opened')
    return undefined
  }
}

/**
 * Reads the report of the server on a data folder; undefined if none answers there.
 * Errors: those of the system, such as `EACCES` for another user than the server's.
 */
export async function readServerReport(dataDir: string, kind: ReportKind): Promise<ServerReport | undefined> {
  let place: Place | undefined
  try {
    place = openPlace(dataDir)
    return JSON.parse(await request(place.path, kind)) as ServerReport
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    // A server that was killed leaves its socket.
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return undefined
    // Errors of sockets have no path, and the message names the file by it.
    throw error instanceof Error ? Object.assign(error, { path: join(dataDir, STATUS_SOCKET) }) : error
  } finally {
    place?.close()
  }
}

interface Place {
  readonly path: string
  close(): void
}

/** A path of the socket that is short enough: one that is too long is reached by a descriptor of its folder. */
function openPlace(dataDir: string): Place {
  const path = join(dataDir, STATUS_SOCKET)
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return { path, close: () => {} }
  const fd = openSync(dataDir, 'r')
  return { path: `/proc/self/fd/${fd}/${STATUS_SOCKET}`, close: () => closeSync(fd) }
}

function removeLeft(path: string): void {
  // Only a socket: a file of that name is not ours.
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) unlinkSync(path)
}

async function listen(place: Place, parts: StatusSocketParts): Promise<AsyncDisposable> {
  const server = createServer({ allowHalfOpen: true }, (socket) => void serve(socket, parts))
  server.maxConnections = MAX_READERS
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject).once('listening', resolve)
  // The socket is made within the call, and must never be open to others. Folders that threads make meanwhile can be entered.
  const mask = process.umask(0o077)
  try {
    server.listen(place.path)
  } finally {
    process.umask(mask)
  }
  await promise
  chmodSync(place.path, 0o600)
  server.on('error', () => {})
  // It keeps no process that is about to end.
  server.unref()
  return {
    async [Symbol.asyncDispose]() {
      // Connections end by their own timeout.
      server.close()
      place.close()
    },
  }
}

async function serve(socket: Socket, { read, logger }: StatusSocketParts): Promise<void> {
  socket.on('error', () => {})
  socket.unref()
  const timer = setTimeout(() => socket.destroy(), READER_MS).unref()
  socket.once('close', () => clearTimeout(timer))
  const kind = await readQuestion(socket)
  if (!kind) {
    socket.destroy()
    return
  }
  try {
    socket.end(JSON.stringify(await read(kind)))
  } catch (err) {
    logger.warn({ err }, 'the state of this server could not be reported')
    socket.destroy()
  }
}

/** Undefined: it is none. */
function readQuestion(socket: Socket): Promise<ReportKind | undefined> {
  let text = ''
  return new Promise((resolve) => {
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += String(chunk)
      if (text.length > MAX_QUESTION_BYTES) resolve(undefined)
      else if (text.endsWith('\n')) resolve(KINDS.find((kind) => text === `${kind}\n`))
    })
    socket.once('end', () => resolve(undefined)).once('close', () => resolve(undefined))
  })
}

const KINDS: readonly ReportKind[] = ['activity', 'lines']

function request(path: string, kind: ReportKind): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const chunks: Buffer[] = []
  let bytes = 0
  const socket = connect({ path, allowHalfOpen: true })
  const timer = setTimeout(() => socket.destroy(new Error('the server does not answer in time')), READER_MS)
  socket.on('error', reject).on('close', () => {
    clearTimeout(timer)
    reject(Object.assign(new Error('the server closed the connection'), { code: 'ECONNREFUSED' }))
  })
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) socket.destroy(new Error('the answer is too long'))
    else chunks.push(chunk)
  })
  socket.on('end', () => {
    socket.end()
    if (bytes > 0) resolve(Buffer.concat(chunks).toString())
  })
  socket.write(`${kind}\n`)
  return promise
}
