import { isIP } from 'node:net'
import type { SiteDeclaration } from './site-declaration.ts'

/**
 * Warns of hosts that are addresses and that no TLS handshake can mean: one names no address, so where there are several
 * such hosts only the address that a connection came to tells them apart. Pure.
 * @param ownAddresses Addresses of this machine.
 */
export function noteAddressHosts(
  declarations: readonly SiteDeclaration[],
  ownAddresses: ReadonlySet<string>,
): SiteDeclaration[] {
  const isMeant = ({ host, httpsMethod }: SiteDeclaration): boolean =>
    isIP(host) !== 0 && httpsMethod !== 'nohttps'
  const isAlone = declarations.filter(isMeant).length <= 1
  if (isAlone) return [...declarations]
  return declarations.map((declaration) => {
    const { host, warnings } = declaration
    if (!isMeant(declaration) || ownAddresses.has(host)) return declaration
    const warning = `${host} cannot be reached over TLS: visitors name no address in the handshake, other hosts are addresses too, and this one is no address of this machine. Give it a name, or set HTTPS_METHOD=nohttps`
    return { ...declaration, warnings: [...warnings, warning] }
  })
}
