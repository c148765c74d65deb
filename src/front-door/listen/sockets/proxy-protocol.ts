import { isIP } from 'node:net'
import { parseAddress } from '../../visit/address/network-address.ts'

/** Longest header of version 1, in bytes, by its specification. */
const MAX_V1_BYTES = 107
/** Longest header of version 2 that is read: addresses of Unix sockets and some 300 bytes of further fields. */
const MAX_V2_BYTES = 536
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const V1_START = Buffer.from('PROXY ', 'latin1')

/** Reading of the first bytes of a connection from a proxy (HAProxy's PROXY protocol, versions 1 and 2). */
type ProxyHeader =
  | { readonly kind: 'incomplete' }
  /** Another protocol begins at once. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'malformed' }
  | {
      readonly kind: 'header'
      /** Its length in bytes; the protocol itself begins after it. */
      readonly length: number
      /** The visitor; undefined for the proxy's own connections, or if unknown. */
      readonly source: { readonly address: string; readonly port: number } | undefined
    }

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' }
const ABSENT: ProxyHeader = { kind: 'absent' }
const MALFORMED: ProxyHeader = { kind: 'malformed' }

/** Reads a PROXY header. Never throws. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (beginsWith(bytes, V2_SIGNATURE)) return bytes.length < 16 ? INCOMPLETE : readV2(bytes)
  if (beginsWith(bytes, V1_START)) return bytes.length < V1_START.length ? INCOMPLETE : readV1(bytes)
  return bytes.length === 0 ? INCOMPLETE : ABSENT
}

/** True as far as there are bytes to compare. */
function beginsWith(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length)
  return length > 0 && bytes.subarray(0, length).equals(start.subarray(0, length))
}

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, MAX_V1_BYTES).indexOf('\r\n')
  if (end < 0) return bytes.length >= MAX_V1_BYTES ? MALFORMED : INCOMPLETE
  const words = bytes.toString('latin1', 0, end).split(' ')
  const [, family, source = '', destination = '', port = '', destinationPort = ''] = words
  if (family === 'UNKNOWN') return { kind: 'header', length: end + 2, source: undefined }
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : 0
  const isFine =
    words.length === 6 &&
    version !== 0 &&
    isIP(source) === version &&
    isIP(destination) === version &&
    isPort(port) &&
    isPort(destinationPort)
  const address = isFine ? parseAddress(source) : undefined
  if (address === undefined) return MALFORMED
  return { kind: 'header', length: end + 2, source: { address, port: Number(port) } }
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535
}

const LOCAL = 0x20
const PROXY = 0x21
const TCP4 = 0x11
const TCP6 = 0x21

function readV2(bytes: Buffer): ProxyHeader {
  const command = bytes.readUInt8(12)
  const family = bytes.readUInt8(13)
  const length = 16 + bytes.readUInt16BE(14)
  if ((command !== LOCAL && command !== PROXY) || length > MAX_V2_BYTES) return MALFORMED
  if (bytes.length < length) return INCOMPLETE
  if (command === LOCAL) return { kind: 'header', length, source: undefined }
  const addresses = bytes.subarray(16, length)
  if (family === TCP4) {
    if (addresses.length < 12) return MALFORMED
    const address = addresses.subarray(0, 4).join('.')
    return { kind: 'header', length, source: { address, port: addresses.readUInt16BE(8) } }
  }
  if (family === TCP6) {
    if (addresses.length < 36) return MALFORMED
    const groups = Array.from({ length: 8 }, (_, index) => addresses.readUInt16BE(index * 2).toString(16))
    const address = parseAddress(groups.join(':'))
    return address === undefined
      ? MALFORMED
      : { kind: 'header', length, source: { address, port: addresses.readUInt16BE(32) } }
  }
  // UDP, Unix sockets, or unspecified.
  return { kind: 'header', length, source: undefined }
}
