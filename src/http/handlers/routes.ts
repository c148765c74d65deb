import type { RepositoryAction } from '../../access/actions.ts'
import type { OciRequest, OciRequestKind } from '../../oci/request.ts'
import type { Exchange } from '../request/exchange.ts'

/** A request of one kind. */
export type RequestOf<K extends OciRequestKind> = Extract<OciRequest, { kind: K }>

/** Turns a parsed request into an answer: headers to values and back, nothing else. */
export type Handler<K extends OciRequestKind> = (request: RequestOf<K>, exchange: Exchange) => Promise<void>

/** The handler of each kind of request. A kind without one does not compile. */
export type Handlers = { readonly [K in OciRequestKind]: Handler<K> }

/** Access that must be granted before a handler runs. */
type Access = RepositoryAction | 'ping' | 'catalog'

/** The access that each kind of request needs. A kind without one does not compile. */
export const ROUTE_ACCESS: Readonly<Record<OciRequestKind, Access>> = {
  ping: 'ping',
  catalog: 'catalog',
  'tag-list': 'pull',
  'referrer-list': 'pull',
  'blob-get': 'pull',
  'blob-delete': 'delete',
  'manifest-get': 'pull',
  'manifest-put': 'push',
  'manifest-delete': 'delete',
  'blob-upload-start': 'push',
  'blob-upload-status': 'push',
  'blob-upload-append': 'push',
  'blob-upload-finish': 'push',
  'blob-upload-cancel': 'push',
}
