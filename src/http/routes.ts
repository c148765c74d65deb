import type { RepositoryAction } from '../access/decide.ts'
import type { OciRequest, OciRequestKind } from '../oci/request.ts'
import type { Registry } from '../registry/registry.ts'
import type { Exchange } from './exchange.ts'
import { deleteBlob, getBlob } from './handlers/blob.ts'
import {
  appendUpload,
  cancelUpload,
  finishUpload,
  getUploadStatus,
  startUpload,
} from './handlers/blob-upload.ts'
import { listRepositories, listTags } from './handlers/lists.ts'
import { deleteManifest, getManifest, putManifest } from './handlers/manifest.ts'
import { ping } from './handlers/ping.ts'
import { listReferrers } from './handlers/referrers.ts'

/** A request of one kind. */
export type RequestOf<K extends OciRequestKind> = Extract<OciRequest, { kind: K }>

/** Turns a parsed request into an answer: headers to values and back, nothing else. */
export type Handler<K extends OciRequestKind> = (
  request: RequestOf<K>,
  exchange: Exchange,
  registry: Registry,
) => Promise<void>

/** What must be allowed before a handler runs. */
export type Access = RepositoryAction | 'ping' | 'catalog'

/** Kind -> what it takes and who does it. A kind without a row does not compile; a row without access neither. */
export const ROUTES: {
  readonly [K in OciRequestKind]: { readonly access: Access; readonly handle: Handler<K> }
} = {
  ping: { access: 'ping', handle: ping },
  catalog: { access: 'catalog', handle: listRepositories },
  'tag-list': { access: 'pull', handle: listTags },
  'referrer-list': { access: 'pull', handle: listReferrers },
  'blob-get': { access: 'pull', handle: getBlob },
  'blob-delete': { access: 'delete', handle: deleteBlob },
  'manifest-get': { access: 'pull', handle: getManifest },
  'manifest-put': { access: 'push', handle: putManifest },
  'manifest-delete': { access: 'delete', handle: deleteManifest },
  'blob-upload-start': { access: 'push', handle: startUpload },
  'blob-upload-status': { access: 'push', handle: getUploadStatus },
  'blob-upload-append': { access: 'push', handle: appendUpload },
  'blob-upload-finish': { access: 'push', handle: finishUpload },
  'blob-upload-cancel': { access: 'push', handle: cancelUpload },
}
