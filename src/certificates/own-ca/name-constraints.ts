import type { X509Certificate } from 'node:crypto'
import { BlockList, isIP, isIPv6 } from 'node:net'
import { readBer, readBerList } from '../x509/ber.ts'
import { extensionsOf, formatAddress, hostKey } from '../x509/x509-facts.ts'

const NAME_CONSTRAINTS = '2.5.29.30'
const TAG_PERMITTED = 0xa0
const TAG_DNS_NAME = 0x82
const TAG_IP_ADDRESS = 0x87

/** Reads which names a CA may sign for, by the names its certificate permits (RFC 5280 section 4.2.1.10). */
export function readPermittedNames(authority: X509Certificate): (name: string) => boolean {
  const value = extensionsOf(authority).get(NAME_CONSTRAINTS)
  const trees = readBerList(readBer(value ?? Buffer.alloc(0))?.content ?? Buffer.alloc(0))
  const permitted = trees.find(({ tag }) => tag === TAG_PERMITTED)
  const bases = readBerList(permitted?.content ?? Buffer.alloc(0)).flatMap(
    ({ content }) => readBer(content) ?? [],
  )
  const domains = new Set(
    bases.filter(({ tag }) => tag === TAG_DNS_NAME).map(({ content }) => content.toString('latin1')),
  )
  const networks = new BlockList()
  for (const { tag, content } of bases) if (tag === TAG_IP_ADDRESS) addNetwork(networks, content)
  return (name) => {
    const host = hostKey(name)
    if (isIP(host) !== 0) return networks.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
    return toSuffixes(host.replace(/^\*\./, '')).some((suffix) => domains.has(suffix))
  }
}

/** Address and mask, one after the other. */
function addNetwork(networks: BlockList, bytes: Buffer): void {
  const half = bytes.length / 2
  const address = formatAddress(bytes.subarray(0, half))
  if (address === undefined) return
  const mask = [...bytes.subarray(half)].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const bits = mask.indexOf('0') < 0 ? mask.length : mask.indexOf('0')
  networks.addSubnet(address, bits, isIPv6(address) ? 'ipv6' : 'ipv4')
}

function toSuffixes(host: string): string[] {
  const labels = host.split('.')
  return labels.map((_, index) => labels.slice(index).join('.'))
}
