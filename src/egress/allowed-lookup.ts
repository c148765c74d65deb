import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { isPublicAddress } from './public-address.ts'

/** True for an address that may be contacted. */
export type AddressCheck = (address: string) => boolean

/**
 * A look-up for requests to addresses that others have chosen: it accepts a name only if each of its addresses is
 * allowed. The address that was checked is the one that is connected to, so a name that changes its address meanwhile
 * gains nothing; a connection kept from an earlier request is not checked again. A host that is an address is never looked
 * up: {@link isAllowedHost} checks it.
 */
export function allowedLookup(isAllowed: AddressCheck = isPublicAddress): LookupFunction {
  return (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? []
      if (error || first === undefined) {
        done(error ?? new Error('the name has no address'), [])
      } else if (!addresses.every(({ address }) => isAllowed(address))) {
        done(new Error('the name leads out of the public internet'), [])
      } else if (options.all) done(null, addresses)
      else done(null, first.address, first.family)
    })
  }
}

/** True for the host of a URL that is a name, or an address that is allowed. */
export function isAllowedHost({ hostname }: URL, isAllowed: AddressCheck = isPublicAddress): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(host) === 0 || isAllowed(host)
}
