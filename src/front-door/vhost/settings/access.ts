import { BlockList, isIP, isIPv6 } from 'node:net'
import type { AccessSettings, LocationSettings } from './settings.ts'

/** Access rules for a method: `limit_except` gives other methods other rules. */
export function accessFor(settings: LocationSettings, method: string): AccessSettings {
  const { access, limitExcept } = settings
  return !limitExcept || limitExcept.methods.includes(method) ? access : limitExcept.others
}

/** The log of a method: `limit_except` may give other methods another one. */
export function accessLogFor(settings: LocationSettings, method: string): LocationSettings['accessLog'] {
  const { accessLog, limitExcept } = settings
  return !limitExcept || limitExcept.methods.includes(method) ? accessLog : limitExcept.accessLog
}

/** Checks of the access phase before the content. */
type AccessDemand =
  | { readonly kind: 'granted' }
  | { readonly kind: 'denied' }
  /** The password decides. */
  | { readonly kind: 'password' }

/** Checks that remain after the rules about addresses (nginx's `satisfy`). */
export function decideDemand(access: AccessSettings, remoteAddress: string): AccessDemand {
  const verdict = decideAddress(access, remoteAddress)
  if (!access.basic) return verdict === 'denied' ? DENIED : GRANTED
  if (access.satisfy === 'any') return verdict === 'allowed' ? GRANTED : PASSWORD
  return verdict === 'denied' ? DENIED : PASSWORD
}

const GRANTED: AccessDemand = { kind: 'granted' }
const DENIED: AccessDemand = { kind: 'denied' }
const PASSWORD: AccessDemand = { kind: 'password' }

/**
 * Decision of `allow` and `deny` for an address: the first rule that matches counts. If none does the address is let
 * in, but does not replace the password with `satisfy any`. Text that is no address belongs to a Unix socket.
 */
export function decideAddress(
  { addresses }: Pick<AccessSettings, 'addresses'>,
  remoteAddress: string,
): 'allowed' | 'denied' | 'undecided' {
  for (const { fits, action } of addresses) {
    if (fits(remoteAddress)) return action === 'allow' ? 'allowed' : 'denied'
  }
  return 'undecided'
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
