import type { CompiledServer } from '../vhost/route/plan.ts'
import type { SiteDeclaration } from './site-declaration.ts'

/** A host, ready to serve: its declaration with its compiled vhost files. Immutable. */
export interface Site {
  readonly declaration: SiteDeclaration
  readonly server: CompiledServer
  /** Set: every request gets 503, since a vhost file that may protect the host cannot be understood. */
  readonly closed: { readonly reason: string } | undefined
  /** The text of answers with 500, 502, 503 and 504; undefined: a plain page. */
  readonly errorPage?: string | undefined
}
