import { isIP } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { NamePolicy } from '../listen/door-ports.ts'
import type { TlsPolicyName } from '../listen/tls/tls-policy.ts'
import { normalizeHost } from '../visit/address/host-name.ts'
import type { ClientAuthority } from '../visit/client-proof.ts'
import { type ClientDemand, decideClientDemand } from './client-certificates.ts'
import type { HostTable } from './host-table.ts'
import type { CertificateSource } from './ports.ts'
import type { Site } from './site.ts'

/** Chooses certificates and policies by name. */
export interface TlsFinder {
  /** Undefined: there is no certificate for this name, the handshake is refused. */
  findPolicy(serverName: string | undefined): NamePolicy | undefined
  findContext(serverName: string | undefined): SecureContext | undefined
  /**
   * The host that is an address, for a handshake without a name: the address of the connection, or the only such host
   * there is, since behind a router or in a container the address is another one.
   */
  hostAt(localAddress: string): string | undefined
  /**
   * True if a request for a host may come over a connection that was opened for a name (RFC 9110 section 7.4): it is
   * the same name, or one with the same certificate; a host with client certificates accepts only connections opened
   * for its own name.
   */
  mayServe(serverName: string | undefined, host: string): boolean
  /** Requirement of a site on its visitors. */
  decideDemand(site: Site): ClientDemand
}

/** Creates a finder over the current table, which it reads each time. */
export function createTlsFinder(
  parts: { readonly certificates: CertificateSource; readonly tlsPolicy: TlsPolicyName },
  sites: () => HostTable<Site>,
): TlsFinder {
  const findSite = (serverName: string | undefined): Site | undefined =>
    serverName === undefined ? sites().fallback : sites().find(serverName)
  const policyFor = (site: Site | undefined): TlsPolicyName => site?.declaration.tlsPolicy ?? parts.tlsPolicy

  const decideDemand = (site: Site): ClientDemand => decideClientDemand(site.declaration, parts.certificates)
  const findAuthority = (site: Site | undefined): ClientAuthority | undefined => {
    const demand = site && decideDemand(site)
    return demand?.kind === 'requested' ? demand.authority : undefined
  }

  const findContext = (serverName: string | undefined): SecureContext | undefined => {
    const site = findSite(serverName)
    const policy = policyFor(site)
    if (serverName === undefined) {
      const own = parts.certificates.find(undefined, {
        certificateName: undefined,
        isDefaultTrusted: true,
        policy,
        isSite: false,
      })
      // The default host answers handshakes without a name, if it has a name of which there can be a certificate.
      const name = own || !site ? undefined : normalizeHost(site.declaration.host)
      return own ?? (name === undefined ? undefined : findContext(name))
    }
    // A host that is not served over TLS counts as none: a default certificate may still answer.
    const isServed = site !== undefined && site.declaration.httpsMethod !== 'nohttps'
    return parts.certificates.find(serverName, {
      certificateName: isServed ? site.declaration.certificateName : undefined,
      isDefaultTrusted: isServed ? site.declaration.isDefaultTrusted : true,
      policy,
      isSite: isServed,
      clients: isServed ? findAuthority(site) : undefined,
    })
  }

  return {
    findContext,
    decideDemand,
    findPolicy(serverName) {
      if (findContext(serverName) === undefined) return undefined
      const site = findSite(serverName)
      const isRegistry = site?.declaration.source.kind === 'registry'
      return {
        policy: policyFor(site),
        http2: site !== undefined && !isRegistry && site.declaration.http2,
        // Without a name it is unknown which host the certificate was sent to.
        clients: serverName === undefined ? undefined : findAuthority(site),
      }
    },
    hostAt(localAddress) {
      const { addresses } = sites()
      const host = addresses.includes(localAddress) ? localAddress : addresses[0]
      const isClear = host === localAddress || addresses.length === 1
      const isServed = host !== undefined && sites().findOwn(host)?.declaration.httpsMethod !== 'nohttps'
      return isClear && isServed && findContext(host) !== undefined ? host : undefined
    },
    mayServe(serverName, host) {
      if (serverName === host) return true
      if (findAuthority(sites().find(host)) !== undefined) return false
      const own = findContext(host)
      if (own !== undefined) return own === findContext(serverName)
      // For example an address, without a name, as in a health check.
      return (serverName === undefined || isIP(serverName) !== 0) && sites().findOwn(host) === undefined
    },
  }
}
