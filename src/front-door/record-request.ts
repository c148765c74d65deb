import type { ServerResponse } from 'node:http'
import { readBasic } from './basic-credentials.ts'
import type { LocationSettings } from './directives/settings.ts'
import type { SiteLog } from './site-access-log.ts'
import type { SiteRequest } from './site-handler.ts'

/** What the access log has to know of a request before it is over. */
export interface RequestRecord {
  /** `access_log` of the vhost file where the request ended up. */
  accessLog: LocationSettings['accessLog']
  /** Of the body, as sent. */
  bytes: number
}

/** Writes a line once a request is over, unless its record says otherwise by then. */
export function recordRequest(
  log: SiteLog,
  exchange: SiteRequest,
  startedAt = performance.now(),
): RequestRecord {
  const record: RequestRecord = { accessLog: exchange.site.server.settings.accessLog, bytes: 0 }
  const { response } = exchange
  countBody(response as ServerResponse, record)
  response.once('close', () => {
    const status = response.headersSent ? response.statusCode : 499
    writeLine(log, exchange, { ...record, status, startedAt })
  })
  return record
}

/** Writes the line of a request that is over, unless `access_log off` says otherwise. */
export function writeLine(
  log: SiteLog,
  { request, host, site, remoteAddress, requestId }: Omit<SiteRequest, 'response'>,
  { status, bytes, startedAt, accessLog }: RequestRecord & { status: number; startedAt: number },
): void {
  if (accessLog === 'off') return
  const { authorization, referer, 'user-agent': agent } = request.headers
  const line = {
    host,
    remoteAddress,
    user: readBasic(authorization)?.user,
    method: request.method ?? '',
    target: request.url ?? '',
    protocol: request.httpVersionMajor === 2 ? 'HTTP/2.0' : `HTTP/${request.httpVersion}`,
    status,
    bytes,
    ms: performance.now() - startedAt,
    referer,
    agent,
    id: requestId,
  }
  log.write(line, { site: site.declaration.host, file: accessLog })
}

/** Counts what is written; `end` of HTTP/2 writes by `write`, that of HTTP/1.1 does not. */
function countBody(response: ServerResponse, record: RequestRecord): void {
  const count = ([chunk, encoding]: readonly unknown[]): void => {
    if (typeof chunk === 'string') {
      // A callback may stand in the place of the encoding.
      const name = typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'
      record.bytes += Buffer.byteLength(chunk, name)
    } else if (chunk instanceof Uint8Array) record.bytes += chunk.length
  }
  const write = response.write.bind(response) as (...args: unknown[]) => boolean
  const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse
  const wrapped = {
    write: (...args: unknown[]): boolean => {
      count(args)
      return write(...args)
    },
    end: (...args: unknown[]): ServerResponse => {
      if (response.req.httpVersionMajor === 1) count(args)
      return end(...args)
    },
  }
  Object.assign(response, wrapped)
}
