import { toPlainHost } from '../../visit/address/host-name.ts'

/** Largest ClientHello read, in bytes: with post-quantum key shares real ones have below 2 KiB. */
export const MAX_CLIENT_HELLO_BYTES = 16_384
/** Most protocols of one hello. */
const MAX_PROTOCOLS = 32
/** Most records of one hello: one of one-byte records would be an attack. */
const MAX_RECORDS = 64

const RECORD_HEADER_BYTES = 5
const HANDSHAKE = 22
const CLIENT_HELLO = 1
const EXTENSION_SERVER_NAME = 0
const EXTENSION_ALPN = 16
const EXTENSION_SUPPORTED_VERSIONS = 43
const TLS13 = 0x0304
/** Begin of a request line: a method and a space. */
const HTTP_START = /^[A-Z]{1,16}(?: |$)/

/** Reading of the first bytes of a connection. */
type ClientHello =
  /** Not complete yet. */
  | { readonly kind: 'incomplete' }
  /** No TLS. */
  | { readonly kind: 'not-tls'; readonly isHttp: boolean }
  /** TLS, but an unreadable hello. */
  | { readonly kind: 'malformed' }
  | {
      readonly kind: 'hello'
      /**
       * Name in the hello (RFC 6066 section 3) in the form of tables; undefined: none. With Encrypted ClientHello it is
       * the outer name.
       */
      readonly serverName: string | undefined
      /** Offered protocols (RFC 7301), in order; unknown and GREASE ones among them. */
      readonly protocols: readonly string[]
      readonly supportsTls13: boolean
    }

const INCOMPLETE: ClientHello = { kind: 'incomplete' }
const MALFORMED: ClientHello = { kind: 'malformed' }

/**
 * Reads server name and protocols from the first bytes of a connection (RFC 8446 section 4.1.2), which stay unchanged
 * for the TLS stack. Never throws; unknown extensions and values are ignored. It needs at most
 * `MAX_CLIENT_HELLO_BYTES`.
 */
export function readClientHello(bytes: Buffer): ClientHello {
  if (bytes.length === 0) return INCOMPLETE
  if (bytes[0] !== HANDSHAKE || (bytes.length > 1 && bytes[1] !== 3)) return notTls(bytes)
  const message = joinRecords(bytes)
  if (message === undefined) return MALFORMED
  if (message.length > 0 && message[0] !== CLIENT_HELLO) return MALFORMED
  const length = message.length < 4 ? 0 : message.readUIntBE(1, 3)
  if (length > MAX_CLIENT_HELLO_BYTES) return MALFORMED
  if (message.length < 4 || message.length < 4 + length) {
    return bytes.length > MAX_CLIENT_HELLO_BYTES ? MALFORMED : INCOMPLETE
  }
  try {
    return readBody(new Reader(message.subarray(4, 4 + length)))
  } catch (error) {
    if (error instanceof RangeError) return MALFORMED
    throw error
  }
}

function notTls(bytes: Buffer): ClientHello {
  return { kind: 'not-tls', isHttp: HTTP_START.test(bytes.toString('latin1', 0, 17)) }
}

/** The handshake bytes of the complete records, which may cut the message anywhere; undefined: other records. */
function joinRecords(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = []
  let offset = 0
  while (offset + RECORD_HEADER_BYTES <= bytes.length) {
    if (bytes[offset] !== HANDSHAKE || bytes[offset + 1] !== 3)
      return hasWhole(parts) ? join(parts) : undefined
    const length = bytes.readUInt16BE(offset + 3)
    if (length === 0 || length > MAX_CLIENT_HELLO_BYTES || parts.length === MAX_RECORDS) return undefined
    offset += RECORD_HEADER_BYTES
    parts.push(bytes.subarray(offset, offset + length))
    offset += length
  }
  return join(parts)
}

/** Early data of a client may follow the hello at once. */
function hasWhole(parts: readonly Buffer[]): boolean {
  const message = join(parts)
  return message.length >= 4 && message.length >= 4 + message.readUIntBE(1, 3)
}

function join(parts: readonly Buffer[]): Buffer {
  const [only] = parts
  return parts.length === 1 && only ? only : Buffer.concat(parts)
}

function readBody(reader: Reader): ClientHello {
  reader.skip(2 + 32)
  reader.skip(reader.uint8())
  reader.skip(reader.uint16())
  reader.skip(reader.uint8())
  const found = {
    serverName: undefined as string | undefined,
    protocols: [] as string[],
    supportsTls13: false,
  }
  // Extensions may be missing in TLS 1.2.
  if (reader.left === 0) return { kind: 'hello', ...found }
  const extensions = reader.nested(reader.uint16())
  const seen = new Set<number>()
  while (extensions.left > 0) {
    const type = extensions.uint16()
    const content = extensions.nested(extensions.uint16())
    // Two of a kind could be read one way here and another way by the TLS stack.
    if (seen.has(type)) return MALFORMED
    seen.add(type)
    if (type === EXTENSION_SERVER_NAME) {
      found.serverName = readServerName(content)
      if (found.serverName === undefined) return MALFORMED
    } else if (type === EXTENSION_ALPN) found.protocols = readProtocols(content)
    else if (type === EXTENSION_SUPPORTED_VERSIONS)
      found.supportsTls13 = readVersions(content).includes(TLS13)
  }
  return { kind: 'hello', ...found }
}

/** @returns undefined if it is no host name. */
function readServerName(content: Reader): string | undefined {
  const list = content.nested(content.uint16())
  const type = list.uint8()
  const name = list.text(list.uint16())
  // Only one name of one type was ever defined.
  return type === 0 && list.left === 0 && content.left === 0 ? toPlainHost(name) : undefined
}

function readProtocols(content: Reader): string[] {
  const list = content.nested(content.uint16())
  const protocols: string[] = []
  while (list.left > 0 && protocols.length < MAX_PROTOCOLS) protocols.push(list.text(list.uint8()))
  return protocols
}

function readVersions(content: Reader): number[] {
  const list = content.nested(content.uint8())
  const versions: number[] = []
  while (list.left > 0) versions.push(list.uint16())
  return versions
}

/** Reads forwards through bytes. Errors: `RangeError` if they end too soon. */
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
