import type { X509Certificate } from 'node:crypto'
import type { AccessSettings, LocationSettings } from '../settings/settings.ts'
import type { DirectiveProblem } from '../syntax/problem.ts'
import type { Template } from '../syntax/template.ts'

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

/** What a visitor showed of itself, as variables tell it. */
export interface ShownCertificate {
  /** undefined: nothing was shown. */
  readonly certificate: X509Certificate | undefined
  /** OpenSSL's name of what is wrong with it, which a host may have let pass; undefined: nothing. */
  readonly error: string | undefined
}

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
