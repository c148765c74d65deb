import type { Place } from '../syntax/problem.ts'
import type { Template } from '../syntax/template.ts'

/** `add_header` of a location, or of a level it inherits from. */
export interface AddedHeader {
  readonly name: string
  readonly value: Template
  /** On every status; else on 200, 201, 204, 206, 301, 302, 303, 304, 307 and 308 only. */
  readonly always: boolean
}

/** A rule of `allow` and `deny`, in order; the first that fits counts. */
interface AddressRule {
  readonly action: 'allow' | 'deny'
  /** `all`, `unix:`, an address, or a network in CIDR notation. */
  readonly network: string
  /** True if an address matches; `unix:` is that of a Unix socket. */
  readonly fits: (address: string) => boolean
}

/** Rules of the access phase. */
export interface AccessSettings {
  readonly addresses: readonly AddressRule[]
  /** The last `auth_basic_user_file`, with or without `auth_basic`. */
  readonly file?: string
  /** Undefined: no password is needed. `file` undefined: `auth_basic` without a file, which nginx answers with 403. */
  readonly basic: { readonly realm: Template; readonly file: string | undefined } | undefined
  readonly satisfy: 'all' | 'any'
}

/** `limit_req` of a location. */
export interface RequestRate {
  readonly zone: string
  readonly key: Template
  readonly perSecond: number
  readonly burst: number
  readonly noDelay: boolean
  readonly status: number
}

/**
 * The effective settings of one location, inherited ones included. The defaults are those of `docs/front-door.md`,
 * which differ from nginx's for the registry's body size.
 */
export interface LocationSettings {
  /** Largest request body, in bytes; 0: no limit. */
  readonly maxBodyBytes: number
  /** Place where that limit was set; undefined: nowhere. */
  readonly maxBodyPlace: Place | undefined
  /** Gaps between two reads or writes, in milliseconds. */
  readonly clientBodyTimeoutMs: number
  readonly sendTimeoutMs: number
  readonly proxyReadTimeoutMs: number
  readonly proxySendTimeoutMs: number
  readonly proxyConnectTimeoutMs: number
  readonly addHeaders: readonly AddedHeader[]
  readonly hideHeaders: readonly string[]
  readonly passHeaders: readonly string[]
  /** Replaces the front door's own headers of these names; an empty value removes the header. Undefined: none given. */
  readonly setHeaders: readonly { readonly name: string; readonly value: Template }[] | undefined
  readonly access: AccessSettings
  /** `limit_except`: these methods (GET implies HEAD) keep `access`, all others get `others`. */
  readonly limitExcept:
    | {
        readonly methods: readonly string[]
        readonly others: AccessSettings
        readonly accessLog: LocationSettings['accessLog']
      }
    | undefined
  /**
   * `off`: Location is passed on unchanged; `default`: the upstream's own prefix becomes ours; pairs replace a prefix.
   */
  readonly proxyRedirect: 'off' | 'default' | readonly { readonly from: string; readonly to: Template }[]
  readonly proxySsl: {
    readonly verify: boolean
    readonly serverName: boolean
    readonly name: string | undefined
  }
  /** `error_page`: status to the URI of the page, or the URL of a redirect. */
  readonly errorPages: readonly {
    readonly statuses: readonly number[]
    /** Status of the answer; undefined: that of the error, or of the page with `takesPageStatus`. */
    readonly status: number | undefined
    /** `=` without a number: the answer has the status of the page, not of the error. */
    readonly takesPageStatus: boolean
    readonly uri: string
  }[]
  readonly interceptErrors: boolean
  /** `recursive_error_pages`: the location of a page may have pages of its own. */
  readonly recursiveErrorPages: boolean
  readonly gzip: { readonly types: readonly string[]; readonly minLengthBytes: number } | undefined
  readonly requestRates: readonly RequestRate[]
  /** `limit_conn`: requests under way for one key. */
  readonly connectionLimits: readonly {
    readonly zone: string
    readonly key: Template
    readonly max: number
    readonly status: number
  }[]
  /** `limit_rate`, in bytes per second; 0: none. */
  readonly bytesPerSecond: number
  /** `set_real_ip_from` and its two companions. */
  readonly realIp:
    | { readonly trusted: readonly string[]; readonly header: string; readonly recursive: boolean }
    | undefined
  /** `expires`: seconds from now, `epoch`, `max`, `off`; undefined: not set. */
  readonly expires: number | 'epoch' | 'max' | 'off' | undefined
  readonly defaultType: string
  /** Undefined: not set. */
  readonly accessLog: 'off' | AccessLogFile | undefined
  /** Next servers are tried on these; `off` is the empty list. */
  readonly nextUpstream: readonly (
    | 'error'
    | 'timeout'
    | 'http_502'
    | 'http_503'
    | 'http_504'
    | 'non_idempotent'
  )[]
  readonly tlsMinVersion: 'TLSv1.2' | 'TLSv1.3' | undefined
  /** Slashes in a row are one. Counts for the whole server. */
  readonly mergeSlashes: boolean
  /**
   * Odd names of headers that are passed on: with underscores, with other characters than letters, digits and dashes.
   */
  readonly oddHeaders: { readonly underscores: boolean; readonly others: boolean }
  /** Directives of this level or further out that have an effect only together with others. */
  readonly latent: {
    readonly gzipTypes: readonly string[]
    readonly gzipMinLengthBytes: number
    readonly requestRateStatus: number
    readonly connectionLimitStatus: number
  }
}

/** `access_log` with a path. */
export interface AccessLogFile {
  /** Below the log folder, no part of it `..`; undefined: the host's own file. */
  readonly name: string | undefined
  /** Undefined: as configured. */
  readonly format: 'combined' | 'vhost' | 'json' | undefined
}
