/** Parts of an IPv6 address that name a network; a client chooses the rest itself. */
const NETWORK_PARTS = 4
const IPV4 = /^(?:::ffff:)?(\d{1,3}(?:\.\d{1,3}){3})$/i

/**
 * Block of addresses that counts as one client: an IPv4 address, also in its IPv6 form, or the /64 of an IPv6 address.
 * Undefined for loopback, which is a proxy or the machine itself, and for a text that is no address.
 */
export function addressBlock(address: string): string | undefined {
  const ipv4 = IPV4.exec(address)?.[1]
  if (ipv4 !== undefined) return ipv4.startsWith('127.') ? undefined : ipv4
  if (!address.includes(':') || address === '::1') return undefined
  const [head = '', tail] = address.toLowerCase().split('::', 2)
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length)
  const parts = [...first, ...Array.from({ length: zeros }, () => '0'), ...last]
  return `${parts
    .slice(0, NETWORK_PARTS)
    .map((part) => part.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
