import { BlockList, isIP, isIPv6 } from 'node:net'

/** Networks that are not part of the public internet (IANA special-purpose registries), multicast included. */
const SPECIAL = new BlockList()
for (const network of [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15'],
  ...['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3'],
]) {
  const [address = '', bits] = network.split('/')
  SPECIAL.addSubnet(address, Number(bits), 'ipv4')
}
/** Special parts of `2000::/3`, the only unicast range given out: tunnels carry IPv4 addresses of any kind. */
for (const network of ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']) {
  const [address = '', bits] = network.split('/')
  SPECIAL.addSubnet(address, Number(bits), 'ipv6')
}
const UNICAST = new BlockList()
UNICAST.addSubnet('2000::', 3, 'ipv6')

/** True if an address belongs to a machine of the public internet, not to this machine, its network or its cloud. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false
  if (!isIPv6(address)) return !SPECIAL.check(address, 'ipv4')
  return UNICAST.check(address, 'ipv6') && !SPECIAL.check(address, 'ipv6')
}
