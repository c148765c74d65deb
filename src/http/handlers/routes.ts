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

/** The path of each kind of request, for traces: names in place of what clients choose. */
export const ROUTE_PATHS: Readonly<Record<OciRequestKind, string>> = {
  ping: '/v2/',
  catalog: '/v2/_catalog',
  'tag-list': '/v2/{name}/tags/list',
  'referrer-list': '/v2/{name}/referrers/{digest}',
  'blob-get': '/v2/{name}/blobs/{digest}',
  'blob-delete': '/v2/{name}/blobs/{digest}',
  'manifest-get': '/v2/{name}/manifests/{reference}',
  'manifest-put': '/v2/{name}/manifests/{reference}',
  'manifest-delete': '/v2/{name}/manifests/{reference}',
  'blob-upload-start': '/v2/{name}/blobs/uploads/',
  'blob-upload-status': '/v2/{name}/blobs/uploads/{id}',
  'blob-upload-append': '/v2/{name}/blobs/uploads/{id}',
  'blob-upload-finish': '/v2/{name}/blobs/uploads/{id}',
  'blob-upload-cancel': '/v2/{name}/blobs/uploads/{id}',
}
