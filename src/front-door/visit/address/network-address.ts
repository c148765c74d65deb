import { BlockList, isIP, isIPv6, SocketAddress } from 'node:net'

/** Address of a peer that came through a Unix socket, as nginx calls it. */
export const UNIX_ADDRESS = 'unix:'

/** An address in its one form: IPv4 that came over IPv6 as IPv4, IPv6 in lower case and shortened, no zone. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined || address === '') return UNIX_ADDRESS
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address
}

/** Reads an address as written by an operator. @returns its one form; undefined if it is no address. */
export function parseAddress(text: string): string | undefined {
  const family = isIP(text)
  if (family === 0) return undefined
  if (family === 4) return text
  return plainAddress(new SocketAddress({ address: text, family: 'ipv6' }).address)
}

/**
 * Makes the test if an address lies in one of some networks (addresses and CIDR notation, or `unix:`); cheap for the
 * usual empty list. Errors: `ERR_INVALID_ADDRESS`, `ERR_OUT_OF_RANGE` for an invalid network.
 */
export function createAddressMatcher(networks: readonly string[]): (address: string) => boolean {
  if (networks.length === 0) return () => false
  const hasUnix = networks.includes(UNIX_ADDRESS)
  const list = new BlockList()
  for (const network of networks) {
    if (network === UNIX_ADDRESS) continue
    const [address = '', bits] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return (address) => {
    const family = isIP(address)
    if (family === 0) return hasUnix && address === UNIX_ADDRESS
    return list.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}
