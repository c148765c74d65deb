import { isIP, isIPv6 } from 'node:net'
import { der, derOid, TAG } from '../der.ts'

const SUBJECT_ALT_NAME = derOid('2.5.29.17')
const ACME_IDENTIFIER = derOid('1.3.6.1.5.5.7.1.31')
const TAG_DNS_NAME = 0x82
const TAG_IP_ADDRESS = 0x87

/** The names of a certificate (RFC 5280 section 4.2.1.6): DNS names in ASCII, or IP addresses. */
export function subjectAltName(names: readonly string[]): Buffer {
  const encoded = names.map((name) =>
    isIP(name) === 0
      ? der(TAG_DNS_NAME, Buffer.from(name, 'latin1'))
      : der(TAG_IP_ADDRESS, addressBytes(name)),
  )
  return der(TAG.sequence, SUBJECT_ALT_NAME, der(TAG.octetString, der(TAG.sequence, ...encoded)))
}

/** The critical extension of TLS-ALPN-01 (RFC 8737 section 3): SHA-256 of the key authorization. */
export function acmeIdentifier(digest: Uint8Array): Buffer {
  const value = der(TAG.octetString, der(TAG.octetString, digest))
  return der(TAG.sequence, ACME_IDENTIFIER, der(TAG.boolean, Buffer.of(0xff)), value)
}

/** The bytes of an address in network order. */
export function addressBytes(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = expandDotted(address).split('::')
  const groups = (text: string | undefined): string[] => (text ? text.split(':') : [])
  const left = groups(head)
  const right = groups(tail)
  const zeros = Array<string>(8 - left.length - right.length).fill('0')
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''), 'hex')
}

/** `::ffff:1.2.3.4` with its last four bytes as two groups. */
function expandDotted(address: string): string {
  const dotted = /\d+\.\d+\.\d+\.\d+$/.exec(address)?.[0]
  if (dotted === undefined) return address
  const hex = Buffer.from(dotted.split('.').map(Number)).toString('hex')
  return `${address.slice(0, -dotted.length)}${hex.slice(0, 4)}:${hex.slice(4)}`
}
