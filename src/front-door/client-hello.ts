/** Largest ClientHello looked at, in bytes: with post-quantum key shares real ones have below 2 KiB. */
export const MAX_CLIENT_HELLO_BYTES = 16_384
/** Protocols named in one hello, at most. */
const MAX_PROTOCOLS = 32

const HANDSHAKE = 22
const CLIENT_HELLO = 1
const EXTENSION_SERVER_NAME = 0
const EXTENSION_ALPN = 16

/** What the first bytes of a connection say. */
export type ClientHello =
  /** Not all of it is here yet. */
  | { readonly kind: 'incomplete' }
  /** No TLS: plain HTTP, or anything else. */
  | { readonly kind: 'not-tls' }
  /** TLS, but no hello that can be understood. */
  | { readonly kind: 'malformed' }
  | {
      readonly kind: 'hello'
      /** The name asked for (RFC 6066 section 3), lower case; undefined: none. */
      readonly serverName: string | undefined
      /** Protocols offered (RFC 7301), in order. */
      readonly protocols: readonly string[]
    }

const INCOMPLETE: ClientHello = { kind: 'incomplete' }
const NOT_TLS: ClientHello = { kind: 'not-tls' }
const MALFORMED: ClientHello = { kind: 'malformed' }

/**
 * Reads server name and protocols from the first bytes of a connection (RFC 8446 section 4.1.2), which stay as they
 * are for the TLS stack. Never throws; unknown extensions and values are passed over.
 */
export function readClientHello(bytes: Buffer): ClientHello {
  if (bytes.length === 0) return INCOMPLETE
  if (bytes[0] !== HANDSHAKE || (bytes.length > 1 && bytes[1] !== 3)) return NOT_TLS
  const message = joinRecords(bytes)
  if (message === undefined) return MALFORMED
  if (message.length < 4) return tooShort(bytes)
  if (message[0] !== CLIENT_HELLO) return MALFORMED
  const length = message.readUIntBE(1, 3)
  if (length > MAX_CLIENT_HELLO_BYTES) return MALFORMED
  if (message.length < 4 + length) return tooShort(bytes)
  try {
    return readBody(new Reader(message.subarray(4, 4 + length)))
  } catch (error) {
    if (error instanceof RangeError) return MALFORMED
    throw error
  }
}

function tooShort(bytes: Buffer): ClientHello {
  return bytes.length > MAX_CLIENT_HELLO_BYTES ? MALFORMED : INCOMPLETE
}

/** The handshake bytes of the records that are here, which may cut the message anywhere; undefined: other records. */
function joinRecords(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = []
  let offset = 0
  while (offset + 5 <= bytes.length) {
    if (bytes[offset] !== HANDSHAKE || bytes[offset + 1] !== 3) return undefined
    const length = bytes.readUInt16BE(offset + 3)
    if (length === 0 || length > MAX_CLIENT_HELLO_BYTES) return undefined
    parts.push(bytes.subarray(offset + 5, Math.min(offset + 5 + length, bytes.length)))
    offset += 5 + length
  }
  const [only] = parts
  return parts.length === 1 && only ? only : Buffer.concat(parts)
}

function readBody(reader: Reader): ClientHello {
  reader.skip(2 + 32)
  reader.skip(reader.uint8())
  reader.skip(reader.uint16())
  reader.skip(reader.uint8())
  let serverName: string | undefined
  let protocols: readonly string[] = []
  // Extensions may be missing in TLS 1.2.
  if (reader.left === 0) return { kind: 'hello', serverName, protocols }
  const extensions = reader.nested(reader.uint16())
  while (extensions.left > 0) {
    const type = extensions.uint16()
    const content = extensions.nested(extensions.uint16())
    if (type === EXTENSION_SERVER_NAME) serverName = readServerName(content)
    else if (type === EXTENSION_ALPN) protocols = readProtocols(content)
  }
  return { kind: 'hello', serverName, protocols }
}

function readServerName(content: Reader): string | undefined {
  const list = content.nested(content.uint16())
  while (list.left > 0) {
    const type = list.uint8()
    const name = list.text(list.uint16())
    if (type === 0) return name.toLowerCase()
  }
  return undefined
}

function readProtocols(content: Reader): string[] {
  const list = content.nested(content.uint16())
  const protocols: string[] = []
  while (list.left > 0 && protocols.length < MAX_PROTOCOLS) protocols.push(list.text(list.uint8()))
  return protocols
}

/** Reads forwards through bytes. Errors: `RangeError` where they end too soon. */
class Reader {
  readonly #bytes: Buffer
  #offset = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#offset
  }

  skip(length: number): void {
    if (length > this.left) throw new RangeError('The hello ends too soon')
    this.#offset += length
  }

  uint8(): number {
    this.skip(1)
    return this.#bytes.readUInt8(this.#offset - 1)
  }

  uint16(): number {
    this.skip(2)
    return this.#bytes.readUInt16BE(this.#offset - 2)
  }

  text(length: number): string {
    this.skip(length)
    return this.#bytes.toString('latin1', this.#offset - length, this.#offset)
  }

  nested(length: number): Reader {
    this.skip(length)
    return new Reader(this.#bytes.subarray(this.#offset - length, this.#offset))
  }
}
