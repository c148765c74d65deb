import { isIP } from 'node:net'
import type { SiteDeclaration } from './site-declaration.ts'

/**
 * Warns of hosts that are addresses and that no TLS handshake can reach: it names no address, so of several such hosts
 * only the address of the connection selects one. Pure.
 * @param ownAddresses Addresses of this machine.
 */
export function noteAddressHosts(
  declarations: readonly SiteDeclaration[],
  ownAddresses: ReadonlySet<string>,
): SiteDeclaration[] {
  const isTlsAddress = ({ host, httpsMethod }: SiteDeclaration): boolean =>
    isIP(host) !== 0 && httpsMethod !== 'nohttps'
  const isAlone = declarations.filter(isTlsAddress).length <= 1
  if (isAlone) return [...declarations]
  return declarations.map((declaration) => {
    const { host, warnings } = declaration
    if (!isTlsAddress(declaration) || ownAddresses.has(host)) return declaration
    const warning = `${host} cannot be reached over TLS: visitors name no address in the handshake, other hosts are addresses too, and this one is no address of this machine. Give it a name, or set HTTPS_METHOD=nohttps`
    return { ...declaration, warnings: [...warnings, warning] }
  })
}
