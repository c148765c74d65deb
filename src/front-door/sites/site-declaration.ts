import type { TlsPolicyName } from '../listen/tls/tls-policy.ts'
/** Use of plain HTTP and TLS for a host: nginx-proxy's `HTTPS_METHOD`. */
export const HTTPS_METHODS = ['redirect', 'noredirect', 'nohttp', 'nohttps'] as const
/** A method of {@link HTTPS_METHODS}. */
export type HttpsMethod = (typeof HTTPS_METHODS)[number]

/**
 * Client certificates of visitors (nginx's `ssl_verify_client`): required; optional, but if sent one of a CA of the
 * host; optional, of any CA; not requested.
 */
export const CLIENT_CERTIFICATES = ['on', 'optional', 'optional_no_ca', 'off'] as const
/** A word of {@link CLIENT_CERTIFICATES}. */
export type ClientCertificates = (typeof CLIENT_CERTIFICATES)[number]

/**
 * One host as declared by an operator: by a container, by `berth.yaml`, or as the registry's own. Checked, with
 * defaults filled in, and without vhost files.
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
  /** True if the default certificate is served if there is none of its own (`TRUST_DEFAULT_CERT`). */
  readonly isDefaultTrusted: boolean
  /** True if it is served by plain HTTP while it has no certificate (`ENABLE_HTTP_ON_MISSING_CERT`). */
  readonly httpWithoutCert: boolean
  /** Unset: required if there is a file of CAs for the host, or for all. */
  readonly clientCertificates: ClientCertificates | undefined
  /** `internal`: only addresses of private networks are let in. */
  readonly networkAccess: 'external' | 'internal'
  readonly tlsPolicy: TlsPolicyName | undefined
  readonly http2: boolean
  /** The port that visitors use, if it is not the one listened on (`external_https_port` and the like). */
  readonly externalHttpPort: number | undefined
  readonly externalHttpsPort: number | undefined
  /** True if it answers hosts that no site has (`DEFAULT_HOST`). */
  readonly isDefault: boolean
  /** At least one. */
  readonly paths: readonly PathDeclaration[]
  /** Certificate to get by ACME; undefined: none. */
  readonly acme: AcmeWish | undefined
  /** Faults and their handling, a sentence each: shown by `berth site list` and logged once. */
  readonly warnings: readonly string[]
}

/** Source of a declaration. */
export type SiteSource =
  | { readonly kind: 'registry' }
  | { readonly kind: 'config'; readonly file: string }
  | { readonly kind: 'docker'; readonly containers: readonly string[] }

/** A path of a host and its target: nginx-proxy's `VIRTUAL_PATH` and `VIRTUAL_DEST`. */
export interface PathDeclaration {
  /** An nginx location: `/`, `/api/`, `= /x`, `^~ /x`, `~ \.php$`. */
  readonly path: string
  /** Replaces the path prefix in requests to the upstream; empty: the path is passed on unchanged. */
  readonly destination: string
  readonly target: SiteTarget
}

/** Target of a path. */
export type SiteTarget =
  | { readonly kind: 'registry' }
  | { readonly kind: 'upstream'; readonly upstream: UpstreamDeclaration }
  | { readonly kind: 'files'; readonly root: string }

/** Servers with the same answers, one of which gets each request. */
export interface UpstreamDeclaration {
  /** Names the pool of connections: the host, or host and path. Two declarations of one name are the same pool. */
  readonly name: string
  /** Protocol of the servers. */
  readonly protocol: 'http' | 'https' | 'h2c' | 'grpc' | 'grpcs'
  /** May be empty: then every request gets 503. */
  readonly servers: readonly UpstreamServer[]
  /** Reason why `servers` is empty, and the remedy, a sentence each; absent if unknown. */
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
  /** Name of the container or the operator's name for it. */
  readonly name: string
  /** `unknown`: has no health check. `healthy` and `unknown` go first; the others are tried only if none of these is left. */
  readonly health: 'healthy' | 'unknown' | 'starting' | 'unhealthy'
  /** Reason why it is not usable, with the remedy, such as no common network; undefined: it is. */
  readonly problem: string | undefined
}

/** A certificate wish from the environment of a container or from the configuration. */
export interface AcmeWish {
  /** Names of the certificate, the first is its common name. */
  readonly hosts: readonly string[]
  /** Name of the container whose environment holds the wish; absent: it is from the configuration. */
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
