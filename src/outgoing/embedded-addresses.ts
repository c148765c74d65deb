import { isIP } from 'node:net'

/** Bytes of an IPv6 address. */
type Bytes = readonly number[]

/** Begins of networks whose addresses lead to an IPv4 address, and where in the 16 bytes that address is. */
const EMBEDDING: readonly { readonly begin: Bytes; readonly at: readonly Bytes[] }[] = [
  // IPv4-compatible, mapped, and translated (SIIT).
  { begin: Array(12).fill(0), at: [[12, 13, 14, 15]] },
  { begin: [...Array(10).fill(0), 255, 255], at: [[12, 13, 14, 15]] },
  { begin: [...Array(8).fill(0), 255, 255, 0, 0], at: [[12, 13, 14, 15]] },
  // NAT64 with the well-known prefix.
  { begin: [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0], at: [[12, 13, 14, 15]] },
  // NAT64 with a local prefix of 48, 56, 64 or 96 bits (RFC 8215, RFC 6052 2.2): byte 8 holds no part of an address.
  {
    begin: [0, 0x64, 0xff, 0x9b, 0, 1],
    at: [
      [6, 7, 9, 10],
      [7, 9, 10, 11],
      [9, 10, 11, 12],
      [12, 13, 14, 15],
    ],
  },
  // 6to4.
  { begin: [0x20, 0x02], at: [[2, 3, 4, 5]] },
  // Teredo: the address of its server. That of the client has all bits inverted.
  { begin: [0x20, 0x01, 0, 0], at: [[4, 5, 6, 7]] },
]
const TEREDO: Bytes = [0x20, 0x01, 0, 0]
const LAST: Bytes = [12, 13, 14, 15]

/**
 * The IPv4 addresses that packets to an IPv6 address may end at, by its network: mapped, NAT64, 6to4, Teredo. Left out
 * are those in 0.0.0.0/8, which are places without an address. None for an IPv4 address.
 */
export function listEmbedded(address: string): string[] {
  const bytes = toBytes(address)
  if (!bytes) return []
  const found = EMBEDDING.filter(({ begin }) => hasBegin(bytes, begin)).flatMap(({ at }) =>
    at.map((places) => format(bytes, places)),
  )
  if (hasBegin(bytes, TEREDO))
    found.push(
      format(
        bytes.map((byte) => byte ^ 255),
        LAST,
      ),
    )
  return found.filter((inner) => !inner.startsWith('0.'))
}

/**
 * The last 32 bits of an IPv6 address as an IPv4 address: where a NAT64 whose prefix is of the network's own puts it.
 * Undefined for an IPv4 address.
 */
export function readLastIpv4(address: string): string | undefined {
  const bytes = toBytes(address)
  return bytes && format(bytes, LAST)
}

function hasBegin(bytes: Bytes, begin: Bytes): boolean {
  return begin.every((byte, index) => bytes[index] === byte)
}

function format(bytes: Bytes, places: Bytes): string {
  return places.map((place) => bytes[place]).join('.')
}

/** Undefined: the text is no IPv6 address. */
function toBytes(address: string): Bytes | undefined {
  if (isIP(address) !== 6) return undefined
  const [text = ''] = address.split('%')
  const [head = '', tail] = text.split('::')
  const before = readGroups(head)
  const after = readGroups(tail ?? '')
  return [...before, ...Array<number>(16 - before.length - after.length).fill(0), ...after]
}

function readGroups(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number)
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 255]
  })
}
