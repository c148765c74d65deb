import { BlockList, isIP } from 'node:net'
import { createAddressMatcher, parseAddress } from '../front-door/visit/address/network-address.ts'
import { listEmbedded, readLastIpv4 } from './embedded-addresses.ts'

/**
 * IPv4 networks that are no public addresses: the special-purpose registry of IANA, multicast, and the address of
 * Azure's services for its own machines, which is inside a public network.
 */
const CLOSED_IPV4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24'],
  ...['192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4', '168.63.129.16/32'],
]
/** The only IPv6 network with public addresses, and the parts of it that are none or lead into another network. */
const PUBLIC_IPV6 = '2000::/3'
const CLOSED_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']
/** The network of NAT64, whose last 32 bits are an IPv4 address. */
const NAT64 = '64:ff9b::/96'

/**
 * Addresses at which clouds hand out credentials of the machine. A network in the settings never opens them; their own
 * address does.
 */
const METADATA_SERVICES: ReadonlySet<string> = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '168.63.129.16',
  '100.100.100.200',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
])

/** Decides whether a request of this program may be sent to an address. */
export type MayReach = (address: string) => boolean

/**
 * Makes the decision from the networks that the operator allows, in CIDR notation; all public addresses are allowed
 * besides. What is no address is refused. An IPv6 address that leads to an IPv4 one (NAT64, 6to4) is allowed only if
 * that one is, too, or if the list has this very IPv6 address.
 */
export function createTargetGuard(allowed: readonly string[]): MayReach {
  const isListed = createListTest(allowed)
  const isPublicAddress = createPublicTest()
  const single = new Set(
    allowed.flatMap((network) => {
      const [address = '', bits] = network.split('/')
      const isWhole = bits === undefined || bits === (isIP(address) === 6 ? '128' : '32')
      return isWhole ? [parseAddress(address) ?? address] : []
    }),
  )
  return (given) => {
    // A zone is the name of an interface: such an address is never public.
    const address = parseAddress(given)
    if (address === undefined || given.includes('%')) return false
    if (single.has(address)) return true
    const inner = listEmbedded(address)
    const ends = [address, ...inner, readLastIpv4(address) ?? address]
    if (ends.some((end) => METADATA_SERVICES.has(end))) return false
    if (!inner.every((end) => isListed(end) || isPublicAddress(end))) return false
    return isListed(address) || isPublicAddress(address)
  }
}

/**
 * Makes the test if an address, in its one form, lies in a listed network. One of IPv6, such as `::/0`, has no IPv4
 * addresses, unless it is written as mapped ones (`::ffff:10.0.0.0/104`).
 */
function createListTest(allowed: readonly string[]): (address: string) => boolean {
  const isListedIpv6 = createAddressMatcher(allowed)
  const isListedIpv4 = createAddressMatcher(
    allowed.filter((network) => {
      const [address = '', bits = '128'] = network.split('/')
      return isIP(address) === 4 || (isIP(parseAddress(address) ?? '') === 4 && Number(bits) >= 96)
    }),
  )
  return (address) => (isIP(address) === 4 ? isListedIpv4(address) : isListedIpv6(address))
}

/** Makes the test if an address, in its one form, is reachable from the whole internet. */
function createPublicTest(): (address: string) => boolean {
  const closedIpv4 = toBlockList(CLOSED_IPV4, 'ipv4')
  const closedIpv6 = toBlockList(CLOSED_IPV6, 'ipv6')
  const publicIpv6 = toBlockList([PUBLIC_IPV6], 'ipv6')
  const nat64 = toBlockList([NAT64], 'ipv6')
  return (address) => {
    if (isIP(address) === 4) return !closedIpv4.check(address, 'ipv4')
    if (nat64.check(address, 'ipv6')) {
      const inner = listEmbedded(address)
      return inner.length > 0 && inner.every((end) => !closedIpv4.check(end, 'ipv4'))
    }
    return publicIpv6.check(address, 'ipv6') && !closedIpv6.check(address, 'ipv6')
  }
}

function toBlockList(networks: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits = ''] = network.split('/')
    list.addSubnet(address, Number(bits), family)
  }
  return list
}
