import type { TlsPolicyName } from '../listen/tls-policy.ts'
/** How plain HTTP and TLS are used for a host: nginx-proxy's `HTTPS_METHOD`. */
export const HTTPS_METHODS = ['redirect', 'noredirect', 'nohttp', 'nohttps'] as const
/** A method of {@link HTTPS_METHODS}. */
export type HttpsMethod = (typeof HTTPS_METHODS)[number]

/**
 * Whether visitors show a certificate of a CA of the host (nginx's `ssl_verify_client`): must, may but then a good one,
 * may whoever signed it, need not.
 */
export const CLIENT_CERTIFICATES = ['on', 'optional', 'optional_no_ca', 'off'] as const
/** A word of {@link CLIENT_CERTIFICATES}. */
export type ClientCertificates = (typeof CLIENT_CERTIFICATES)[number]

/**
 * One host as an operator declared it, wherever that was: a container, `berth.yaml`, or the registry's own. It is what
 * was said, checked and with defaults filled in; vhost files are not part of it.
 */
export interface SiteDeclaration {
  /** As declared: `app.example.com`, `*.example.com`, `app.*` or `~^app-\d+\.example\.com$`; a plain name is lower case. */
  readonly host: string
  readonly source: SiteSource
  readonly httpsMethod: HttpsMethod
  /** Value of `Strict-Transport-Security`; undefined: not sent. */
  readonly hsts: string | undefined
  /** Status of the redirect to TLS for methods other than GET and HEAD. */
  readonly nonGetRedirect: 301 | 302 | 307 | 308
  /** `CERT_NAME`: this pair of the certificate folder and no other; undefined: by host name. */
  readonly certificateName: string | undefined
  /** Whether the default certificate is served where there is none of its own (`TRUST_DEFAULT_CERT`). */
  readonly isDefaultTrusted: boolean
  /** Whether it is served by plain HTTP while it has no certificate (`ENABLE_HTTP_ON_MISSING_CERT`). */
  readonly httpWithoutCert: boolean
  /** undefined: not said: they must where there is a file of CAs for the host, or for all. */
  readonly clientCertificates: ClientCertificates | undefined
  /** `internal`: only addresses of private networks are let in. */
  readonly networkAccess: 'external' | 'internal'
  readonly tlsPolicy: TlsPolicyName | undefined
  readonly http2: boolean
  /** The port that visitors use, where it is not the one listened on (`external_https_port` and the like). */
  readonly externalHttpPort: number | undefined
  readonly externalHttpsPort: number | undefined
  /** Answers hosts that no site has (`DEFAULT_HOST`). */
  readonly isDefault: boolean
  /** At least one. */
  readonly paths: readonly PathDeclaration[]
  /** What was asked of ACME; undefined: nothing. */
  readonly acme: AcmeWish | undefined
  /** What was wrong and how it was understood, a sentence each: shown by `berth site list` and logged once. */
  readonly warnings: readonly string[]
}

/** Where a declaration comes from. */
export type SiteSource =
  | { readonly kind: 'registry' }
  | { readonly kind: 'config'; readonly file: string }
  | { readonly kind: 'docker'; readonly containers: readonly string[] }

/** A path of a host and what answers there: nginx-proxy's `VIRTUAL_PATH` and `VIRTUAL_DEST`. */
export interface PathDeclaration {
  /** An nginx location: `/`, `/api/`, `= /x`, `^~ /x`, `~ \.php$`. */
  readonly path: string
  /** Replaces the path prefix in what the upstream is asked; empty: the path is passed on unchanged. */
  readonly destination: string
  readonly target: SiteTarget
}

/** What answers at a path. */
export type SiteTarget =
  | { readonly kind: 'registry' }
  | { readonly kind: 'upstream'; readonly upstream: UpstreamDeclaration }
  | { readonly kind: 'files'; readonly root: string }

/** Servers that answer alike, one of which gets each request. */
export interface UpstreamDeclaration {
  /** Names the pool of connections: the host, or host and path. Two declarations of one name are the same pool. */
  readonly name: string
  /** How the servers are spoken to. */
  readonly protocol: 'http' | 'https' | 'h2c' | 'grpc' | 'grpcs'
  /** May be empty: then every request gets 503. */
  readonly servers: readonly UpstreamServer[]
  /** Why `servers` is empty, and what to do about it, a sentence each; absent where that is not known. */
  readonly outage?: { readonly cause: string; readonly fix: string } | undefined
  readonly balance: 'round-robin' | 'ip-hash' | 'least-connections'
  /** Idle connections kept to each server; 0: none. */
  readonly keepAlive: number
}

/** A server of an upstream. */
export interface UpstreamServer {
  /** Address or DNS name. */
  readonly host: string
  readonly port: number
  /** Name of the container or what the operator calls it. */
  readonly name: string
  /** `unknown`: has no health check. `healthy` and `unknown` go first; the others are tried only if none of these is left. */
  readonly health: 'healthy' | 'unknown' | 'starting' | 'unhealthy'
  /** Why it cannot be asked, with the remedy, such as no common network; undefined: it can. */
  readonly problem: string | undefined
}

/** A certificate asked for by the environment of a container or by the configuration. */
export interface AcmeWish {
  /** Names of the certificate, the first is its common name. */
  readonly hosts: readonly string[]
  /** Name of the container whose environment asks for it; absent: the configuration does. */
  readonly container?: string | undefined
  readonly email: string | undefined
  /** Directory URL; undefined: as configured. */
  readonly directory: string | undefined
  readonly eab: { readonly keyId: string; readonly hmacKey: string } | undefined
  readonly profile: string | undefined
  readonly preferredChain: string | undefined
  readonly keyType: 'ec-256' | 'ec-384' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | undefined
  /** Use the CA's staging directory (`LETSENCRYPT_TEST`). */
  readonly isTest: boolean
  readonly challenge: 'http-01' | 'tls-alpn-01' | 'dns-01' | undefined
}
