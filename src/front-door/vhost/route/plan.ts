import type { X509Certificate } from 'node:crypto'
import type { AccessSettings, LocationSettings } from '../settings/settings.ts'
import type { DirectiveProblem } from '../syntax/problem.ts'
import type { Template } from '../syntax/template.ts'

/** Content of a location once access was granted. */
export type Content =
  /** The declared upstream, registry or files of the site for this path. */
  | { readonly kind: 'declared'; readonly path: string }
  | {
      readonly kind: 'proxy'
      /** Scheme, host and port, such as `http://backend:8080`; the target there is the plan's `target`. */
      readonly origin: string
    }
  | {
      readonly kind: 'files'
      readonly root: string
      readonly alias: string | undefined
      readonly tryFiles: readonly Template[] | undefined
      readonly index: readonly string[]
    }
  /** Not set: nginx would look into its default root; 404. */
  | { readonly kind: 'none' }

/** A visitor's client certificate, as variables show it. */
interface ShownCertificate {
  /** Undefined: the visitor sent none. */
  readonly certificate: X509Certificate | undefined
  /** OpenSSL's name of its fault, which a host may have let pass; undefined: none. */
  readonly error: string | undefined
}

/** Facts of a request for variables and rules. */
export interface RequestFacts {
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** Without port, lower case. */
  readonly host: string
  /** Decoded and normalised path: the one canonical path. */
  readonly uri: string
  /** As it came, with query. */
  readonly requestUri: string
  /** The same path with its original escapes, and query: the target at an upstream unless it is rewritten. */
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
  /** True if the `X-Forwarded-*` headers of the peer count; undefined: false. */
  readonly isPeerTrusted?: boolean
  /** The peer of the connection, if it is not the visitor. */
  readonly peerAddress?: string
  /** Variables about the answer, as far as it is known; undefined: the variable is another one. */
  readonly late?: ((name: string) => string | undefined) | undefined
  /** The visitor's client certificate, if the host requests one; undefined: it does not. */
  readonly client?: ShownCertificate | undefined
}

/** Result of the rewrite phase and the choice of a location. */
export type Plan =
  /** Answer at once; `location` set: a redirect. The access phase is skipped, as in nginx. */
  | {
      readonly kind: 'return'
      readonly status: number
      readonly body: string | undefined
      readonly location: string | undefined
      /** No location was found by the path: then nginx ignores the announced length of the body. */
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
      /** The path after rewriting, decoded, and its query: it selects files. */
      readonly uri: string
      readonly args: string
      /**
       * Path and query of the request to an upstream: as the client wrote it unless rewritten; a URI of `proxy_pass`,
       * or a declared destination, has replaced the location's path already.
       */
      readonly target: string
      /** Characters of `uri` that the location's own path takes: those that `alias` replaces. */
      readonly matchedLength: number
      /** The change of `Location` by `proxy_redirect default`: from (of a declared upstream: its path), and to. */
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
      /** For the log, if the fault is not in the vhost file alone: half a sentence. */
      readonly reason?: string
      /** No location was found by the path: then nginx ignores the announced length of the body. */
      readonly isUnmeasured?: boolean
      readonly settings: LocationSettings
      readonly variable?: (name: string) => string
    }

/** A host's compiled vhost files, ready to route requests. Immutable. */
export interface CompiledServer {
  readonly problems: readonly DirectiveProblem[]
  /** True if a problem closes the host; then `route` must not be called. */
  readonly isClosed: boolean
  /** Settings outside any location. */
  readonly settings: LocationSettings
  /** Rules for a host that is for internal networks only; undefined: not set. */
  readonly internalAccess?: AccessSettings | undefined
  /** The password files of the locations: on the registry's host, their users are accounts. */
  readonly passwordFiles: readonly string[]
  /**
   * Pure. `redirect` starts an internal redirect (error_page, try_files fallback, named location); undefined: none.
   * `from` reads the variables of the plan before it: a named location goes on with its path.
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
