import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { readCertificate } from '../x509/x509-facts.ts'

/** Bytes of a server's first answers that are read; a long chain takes 10 KiB. */
const MAX_CAPTURED_BYTES = 262_144
/** Record type and message type of TLS (RFC 5246 sections 6.2.1 and 7.4). */
const HANDSHAKE_RECORD = 22
const CERTIFICATE_MESSAGE = 11

/** A connection whose incoming bytes are copied, for {@link parseServedChain}; TLS 1.2 sends certificates in the clear. */
export class CapturedConnection extends Duplex {
  readonly #socket: Socket
  readonly #chunks: Buffer[] = []
  #size = 0

  constructor(socket: Socket) {
    super()
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      if (this.#size < MAX_CAPTURED_BYTES) this.#chunks.push(chunk)
      this.#size += chunk.length
      if (!this.push(chunk)) socket.pause()
    })
    socket.on('end', () => this.push(null))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
  }

  /** Bytes received so far. */
  get captured(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done)
  }

  override _final(done: () => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }
}

/**
 * The certificates of a server's handshake in TLS 1.2, in the order in which they were sent; undefined if there are
 * none.
 */
export function parseServedChain(bytes: Buffer): X509Certificate[] | undefined {
  const messages = joinRecords(bytes)
  for (let at = 0; at + 4 <= messages.length; ) {
    const length = messages.readUIntBE(at + 1, 3)
    const body = messages.subarray(at + 4, at + 4 + length)
    if (body.length < length) return undefined
    if (messages[at] === CERTIFICATE_MESSAGE) return readList(body)
    at += 4 + length
  }
  return undefined
}

/** Content of the records of the handshake; stops at the first of another type. */
function joinRecords(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at + 5 <= bytes.length && bytes[at] === HANDSHAKE_RECORD; ) {
    const length = bytes.readUInt16BE(at + 3)
    parts.push(bytes.subarray(at + 5, at + 5 + length))
    at += 5 + length
  }
  return Buffer.concat(parts)
}

function readList(body: Buffer): X509Certificate[] | undefined {
  const found: X509Certificate[] = []
  for (let at = 3; at + 3 <= body.length; ) {
    const length = body.readUIntBE(at, 3)
    const certificate = readCertificate(body.subarray(at + 3, at + 3 + length))
    if (certificate) found.push(certificate)
    at += 3 + length
  }
  return found.length > 0 ? found : undefined
}
