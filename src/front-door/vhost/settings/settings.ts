import type { ShownCertificate } from './client-variables.ts'

/** Where a directive stands. `file` is the path as the operator knows it; `line` counts from 1. */
export interface Place {
  readonly file: string
  readonly line: number
}

/** What is wrong with a vhost file. */
export interface DirectiveProblem extends Place {
  /** `closes`: the host answers 503 until it is mended, since what was meant to protect it is not understood. */
  readonly severity: 'closes' | 'warns'
  /** A sentence: what it is, and what to do. */
  readonly message: string
}

/** Text with nginx variables in it, taken apart: `$host`, `${uri}`; a constant has one literal part. */
export type Template = readonly ({ readonly literal: string } | { readonly variable: string })[]

/** `add_header` of a location, or of what it inherits from. */
export interface AddedHeader {
  readonly name: string
  readonly value: Template
  /** On every status; else on 200, 201, 204, 206, 301, 302, 303, 304, 307 and 308 only. */
  readonly always: boolean
}

/** A rule of `allow` and `deny`, in order; the first that fits counts. */
export interface AddressRule {
  readonly action: 'allow' | 'deny'
  /** `all`, `unix:`, an address, or a network in CIDR notation. */
  readonly network: string
  /** Whether an address fits; `unix:` is that of a Unix socket. */
  readonly fits: (address: string) => boolean
}

/** Who may come in: the access phase. */
export interface AccessSettings {
  readonly addresses: readonly AddressRule[]
  /** The last `auth_basic_user_file`, whether or not a password is asked for. */
  readonly file?: string
  /** undefined: no password is asked for. `file` undefined: `auth_basic` without a file, which nginx answers with 403. */
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
 * The effective settings of one location: everything inherited is filled in. What the vhost file does not say holds
 * the default of `docs/front-door.md`, not nginx's, where the two differ (the registry's body size).
 */
export interface LocationSettings {
  /** Largest request body, in bytes; 0: no limit. */
  readonly maxBodyBytes: number
  /** Where that limit was set; undefined: nowhere. */
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
  /** Replaces what the front door would send of these names; an empty value removes the header. undefined: none given. */
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
  /** `off`: Location is passed as it is; `default`: the upstream's own prefix becomes ours; pairs replace a prefix. */
  readonly proxyRedirect: 'off' | 'default' | readonly { readonly from: string; readonly to: Template }[]
  readonly proxySsl: {
    readonly verify: boolean
    readonly serverName: boolean
    readonly name: string | undefined
  }
  /** `error_page`: status to the URI asked instead, or the URL redirected to. */
  readonly errorPages: readonly {
    readonly statuses: readonly number[]
    /** Of the answer; undefined: that of the error, or of the page with `takesPageStatus`. */
    readonly status: number | undefined
    /** `=` without a number: the answer has the status of the page, not of the error. */
    readonly takesPageStatus: boolean
    readonly uri: string
  }[]
  readonly interceptErrors: boolean
  /** `recursive_error_pages`: what serves a page may have pages of its own. */
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
  /** `expires`: seconds from now, `epoch`, `max`, `off`; undefined: not said. */
  readonly expires: number | 'epoch' | 'max' | 'off' | undefined
  readonly defaultType: string
  /** undefined: not said. */
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
  /** Which odd names of headers are passed on: with underscores, with other signs than letters, digits and dashes. */
  readonly oddHeaders: { readonly underscores: boolean; readonly others: boolean }
  /** Said at this level or further out, and of effect only where something else is said, too. */
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
  /** undefined: as configured. */
  readonly format: 'combined' | 'vhost' | 'json' | undefined
}

/** What a location answers with once access was granted. */
export type Content =
  /** The upstream, registry or files that the site declares for this path. */
  | { readonly kind: 'declared'; readonly path: string }
  | {
      readonly kind: 'proxy'
      /** Scheme, host and port, such as `http://backend:8080`; what is asked for there is the plan's `target`. */
      readonly origin: string
    }
  | {
      readonly kind: 'files'
      readonly root: string
      readonly alias: string | undefined
      readonly tryFiles: readonly Template[] | undefined
      readonly index: readonly string[]
    }
  /** Nothing was said: nginx's own root would be looked into; 404. */
  | { readonly kind: 'none' }

/** What a request is, as variables and rules see it. */
export interface RequestFacts {
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** Without port, lower case. */
  readonly host: string
  /** Decoded and normalised path: the one canonical path. */
  readonly uri: string
  /** As it came, with query. */
  readonly requestUri: string
  /** The same path with its escapes as they came, and query: what an upstream is asked unless something rewrites it. */
  readonly target: string
  /** Further paths that some server may read in `target`; undefined: there is none. */
  readonly readings?: readonly string[] | undefined
  /** Without the question mark. */
  readonly args: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly remoteAddress: string
  readonly remotePort: number
  readonly serverPort: number
  /** The port that visitors use; undefined: the same. */
  readonly visitorPort?: number | undefined
  readonly protocol: 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2.0'
  readonly requestId: string
  /** Whether what the peer says in `X-Forwarded-*` is believed; undefined: no. */
  readonly isPeerTrusted?: boolean
  /** The peer of the connection, where it is another one than the visitor. */
  readonly peerAddress?: string
  /** Variables about the answer, as far as it has come; undefined: the variable is another one. */
  readonly late?: ((name: string) => string | undefined) | undefined
  /** What the visitor showed to a host that asks for it; undefined: it was not asked. */
  readonly client?: ShownCertificate | undefined
}

/** What the rewrite phase and the choice of a location come to. */
export type Plan =
  /** Answer at once; `location` set: a redirect. The access phase is not run, as in nginx. */
  | {
      readonly kind: 'return'
      readonly status: number
      readonly body: string | undefined
      readonly location: string | undefined
      /** No location was found by the path: then nginx does not look at the announced length of the body. */
      readonly isUnmeasured?: boolean
      readonly settings: LocationSettings
      /** Value of any variable for this request: `add_header` may have some. */
      readonly variable?: (name: string) => string
    }
  /** 444: close the connection without an answer. */
  | { readonly kind: 'close' }
  /** Access phase, then content. */
  | {
      readonly kind: 'content'
      readonly content: Content
      /** The path after rewriting, decoded, and its query: what files are looked up by. */
      readonly uri: string
      readonly args: string
      /**
       * Path and query to ask an upstream for: as the client wrote it unless something rewrote it; a URI behind
       * `proxy_pass`, or a destination that was declared, has taken the place of the location's path already.
       */
      readonly target: string
      /** Characters of `uri` that the location's own path takes: what `alias` replaces. */
      readonly matchedLength: number
      /** What `proxy_redirect default` turns in `Location`, from what (of a declared upstream: its path) to what. */
      readonly redirect: { readonly from: string; readonly to: string } | undefined
      /** As of an answer of its own. */
      readonly isUnmeasured?: boolean
      readonly settings: LocationSettings
      /** Value of any variable for this request, `set` ones included. */
      readonly variable: (name: string) => string
    }
  | {
      readonly kind: 'error'
      readonly status: number
      /** For the log, where it is no fault of the vhost file's author alone: half a sentence. */
      readonly reason?: string
      /** No location was found by the path: then nginx does not look at the announced length of the body. */
      readonly isUnmeasured?: boolean
      readonly settings: LocationSettings
      readonly variable?: (name: string) => string
    }

/** A host's vhost files, ready to route requests with. Immutable. */
export interface CompiledServer {
  readonly problems: readonly DirectiveProblem[]
  /** True if a problem closes the host; then `route` must not be asked. */
  readonly isClosed: boolean
  /** Settings outside any location. */
  readonly settings: LocationSettings
  /** Who is let in where the host is for internal networks only; undefined: nothing was said. */
  readonly internalAccess?: AccessSettings | undefined
  /** The password files that some location asks for: on the registry's host, their users are accounts. */
  readonly passwordFiles: readonly string[]
  /**
   * Pure. `redirect` starts an internal redirect (error_page, try_files fallback, named location); undefined: as it
   * came. `from` reads the variables of the plan that leads there: a named location goes on with its path.
   */
  route(
    request: RequestFacts,
    redirect?: {
      readonly uri: string
      readonly args: string
      readonly from?: (name: string) => string
    },
  ): Plan
}
