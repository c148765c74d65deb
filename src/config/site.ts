/** Use of plain HTTP and TLS for a host. */
export const HTTPS_METHODS = ['redirect', 'noredirect', 'nohttp', 'nohttps'] as const
/** TLS settings by Mozilla's names. */
export const TLS_POLICIES = ['Mozilla-Modern', 'Mozilla-Intermediate', 'Mozilla-Old'] as const
/** Certificates of visitors: nginx's `ssl_verify_client`. */
export const CLIENT_CERTIFICATES = ['on', 'optional', 'optional_no_ca', 'off'] as const
/** Visitors who may reach a site: all, or only those of private networks. */
export const ACCESS = ['external', 'internal'] as const
/** Ways to choose the server for a request. */
export const BALANCES = ['round-robin', 'ip-hash', 'least-connections'] as const

/** A server of a site. */
export interface UpstreamUrl {
  readonly protocol: 'http' | 'https' | 'h2c' | 'grpc' | 'grpcs'
  readonly host: string
  readonly port: number
}

/** Target of one path of a site: servers, or a folder of files. */
export interface SitePathConfig {
  /** An nginx location, such as `/`, `/api/`, `= /x` or `~ \.png$`. */
  readonly path: string
  readonly upstreams: readonly UpstreamUrl[]
  readonly files: string | undefined
  /** Replaces the path prefix in requests to the server; undefined: the path is passed on unchanged. */
  readonly destination: string | undefined
  readonly balance: (typeof BALANCES)[number]
}

/** A host of the `sites` key of berth.yaml. */
export interface SiteConfig {
  readonly host: string
  readonly paths: readonly SitePathConfig[]
  readonly https: (typeof HTTPS_METHODS)[number] | undefined
  readonly hsts: string | undefined
  readonly certificate: string | undefined
  readonly isDefaultTrusted: boolean | undefined
  readonly httpWithoutCert: boolean | undefined
  readonly clientCertificates: (typeof CLIENT_CERTIFICATES)[number] | undefined
  readonly access: (typeof ACCESS)[number]
  readonly tlsPolicy: (typeof TLS_POLICIES)[number] | undefined
  readonly http2: boolean
  /** True if the CA is to issue a certificate. */
  readonly acme: boolean
}
