import { BlockList, isIP, isIPv6 } from 'node:net'
import type { AccessSettings, AddressRule, LocationSettings } from './settings.ts'

/** Who may come in for a method: `limit_except` gives other methods other rules. */
export function accessFor(settings: LocationSettings, method: string): AccessSettings {
  const { access, limitExcept } = settings
  return !limitExcept || limitExcept.methods.includes(method) ? access : limitExcept.others
}

/** What the access phase asks for before content is given. */
export type AccessDemand =
  | { readonly kind: 'granted' }
  | { readonly kind: 'denied' }
  /** The password decides. */
  | { readonly kind: 'password' }

/** What the rules about addresses leave to ask (nginx's `satisfy`). */
export function demandOf(access: AccessSettings, remoteAddress: string): AccessDemand {
  const isAllowed = access.addresses.length === 0 || isAddressAllowed(access.addresses, remoteAddress)
  if (!access.basic) return isAllowed ? { kind: 'granted' } : { kind: 'denied' }
  if (access.satisfy === 'any') {
    return access.addresses.length > 0 && isAllowed ? { kind: 'granted' } : { kind: 'password' }
  }
  return isAllowed ? { kind: 'password' } : { kind: 'denied' }
}

/** The first rule that fits counts; none: allowed. An address that is none belongs to a Unix socket. */
export function isAddressAllowed(rules: readonly AddressRule[], remoteAddress: string): boolean {
  const rule = rules.find(({ fits }) => fits(remoteAddress))
  return rule === undefined || rule.action === 'allow'
}

/** Makes the test of one rule: `all`, `unix:`, an address or a network. */
export function createAddressTest(network: string): (address: string) => boolean {
  if (network === 'all') return () => true
  if (network === 'unix:') return (address) => address === 'unix:'
  const list = new BlockList()
  const [host = '', bits] = network.split('/')
  const family = isIPv6(host) ? 'ipv6' : 'ipv4'
  if (bits === undefined) list.addAddress(host, family)
  else list.addSubnet(host, Number(bits), family)
  return (address) => isIP(address) !== 0 && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
