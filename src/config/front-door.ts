import type { HTTPS_METHODS, SiteConfig, TLS_POLICIES } from './site.ts'

/** Ways for a CA to check that a name is ours. */
export const CHALLENGES = ['http-01', 'tls-alpn-01', 'dns-01'] as const
/** Kinds of private keys of certificates. */
export const KEY_TYPES = ['ec-256', 'ec-384', 'rsa-2048', 'rsa-3072', 'rsa-4096'] as const
/** Local names that Berth's own CA signs for. */
export const LOCAL_CA_SCOPES = ['all', 'registry', 'off'] as const
/** Hosts for which certificates are ordered automatically. */
export const ACME_SCOPES = ['all', 'asked', 'off'] as const

/** Settings of the front door beside the registry: virtual hosts, certificates, Docker. */
export interface FrontDoorConfig {
  /** The registry's own names, lower case; at least one. */
  readonly domains: readonly string[]
  /** Folders; undefined: nginx-proxy's own path if it exists. */
  readonly certsDir: string | undefined
  readonly vhostDir: string | undefined
  readonly htpasswdDir: string | undefined
  /** `auto`: the usual sockets; undefined: off. */
  readonly dockerHost: string | undefined
  readonly preferIpv6: boolean
  readonly defaultHost: string | undefined
  readonly httpsMethod: (typeof HTTPS_METHODS)[number]
  /**
   * The same for the registry's own names: they leave plain HTTP open only if no password crosses a network that way.
   */
  readonly registryHttpsMethod: (typeof HTTPS_METHODS)[number]
  /** Status of the redirect to TLS for methods other than GET and HEAD. */
  readonly nonGetRedirect: 301 | 302 | 307 | 308
  /** Value of the header; undefined: off. */
  readonly hsts: string | undefined
  /** True if hosts without a certificate of their own are served with the default one. */
  readonly isDefaultTrusted: boolean
  /** True if hosts without a certificate are served by plain HTTP, whatever their method. */
  readonly httpWithoutCert: boolean
  /** `all`: each local name without a certificate; `registry`: the registry's own names; `off`. */
  readonly localCa: (typeof LOCAL_CA_SCOPES)[number]
  readonly tlsPolicy: (typeof TLS_POLICIES)[number]
  /** Ports of visitors for plain HTTP and TLS; undefined: those of the listeners. */
  readonly externalHttpPort: number | undefined
  readonly externalHttpsPort: number | undefined
  /** Addresses (CIDR) whose PROXY header counts. */
  readonly proxyProtocolFrom: readonly string[]
  /** `required`: those addresses must send one on each connection. */
  readonly proxyProtocol: 'optional' | 'required'
  /** True if files of sites are served whose names begin with a dot, or that symbolic links outside lead to. */
  readonly serveDotfiles: boolean
  readonly serveSymlinks: boolean
  /** `off`, `stdout` or a file. */
  readonly siteLog: string
  readonly siteLogFormat: 'combined' | 'json'
  readonly acme: AcmeConfig
  readonly sites: readonly SiteConfig[]
}

/** Certificates from a CA by ACME (RFC 8555). */
export interface AcmeConfig {
  /** `all`: each public host without a certificate; `asked`: the registry's names and hosts that request one; `off`. */
  readonly scope: (typeof ACME_SCOPES)[number]
  readonly email: string | undefined
  /** Directory URL. */
  readonly directory: string
  /** Roots to trust the directory by, PEM; undefined: the usual ones. */
  readonly directoryCaFile: string | undefined
  readonly eab: { readonly keyId: string; readonly hmacKey: string } | undefined
  readonly profile: string | undefined
  readonly keyType: (typeof KEY_TYPES)[number]
  readonly challenge: (typeof CHALLENGES)[number] | undefined
  /** Program run to set and remove a DNS record. */
  readonly dnsHook: string | undefined
  /** Name server for dynamic updates (RFC 2136), with its key `name:algorithm:secret`. */
  readonly dnsServer: string | undefined
  readonly dnsKey: string | undefined
}
