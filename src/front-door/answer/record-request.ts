import { withoutUserInfo } from '../../log/redact.ts'
import type { RequestRecord } from '../exchange/site-exchange.ts'
import type { SiteVisit } from '../exchange/site-handler.ts'
import { whenOver } from '../forward/upgrade/join-sockets.ts'
import type { UpgradeResult } from '../forward/upgrade/proxy-upgrade.ts'
import { readBasic } from '../judge/basic-credentials.ts'
import type { DoorResponse } from '../listen/http/messages/door-request.ts'
import type { SiteLog, SiteLogLine } from './site-access-log.ts'

/** Writes a line once a request is over, unless its record says otherwise by then. */
export function recordRequest(
  log: SiteLog,
  { visit, response }: { visit: SiteVisit; response: DoorResponse },
  startedAt = performance.now(),
): RequestRecord {
  const record: RequestRecord = { accessLog: visit.site.server.settings.accessLog }
  response.once('close', () => {
    const status = response.headersSent ? response.statusCode : 499
    const { accessLog, reason } = record
    const begun = { ...beginLine(visit, status), reason }
    finishingLine(log, { begun, startedAt, site: visit.site.declaration.host, accessLog })(response.bodyBytes)
  })
  return record
}

/** Writes the line of a request for another protocol, once that is over; until then it holds the line and no more. */
export function logUpgrade(
  log: SiteLog,
  exchange: SiteVisit,
  { startedAt, accessLog, ...result }: UpgradeResult & { readonly startedAt: number },
): void {
  const begun = beginLine(exchange, result.status)
  const finish = finishingLine(log, { begun, startedAt, site: exchange.site.declaration.host, accessLog })
  if (result.conversation) whenOver(result.conversation, finish)
  else finish(0)
}

type BegunLine = Omit<SiteLogLine, 'bytes' | 'ms'>

interface LineToFinish {
  readonly begun: BegunLine
  readonly startedAt: number
  readonly site: string
  readonly accessLog: RequestRecord['accessLog']
}

/** Writes the line, unless `access_log` is off. */
function finishingLine(
  log: SiteLog,
  { begun, startedAt, site, accessLog }: LineToFinish,
): (bytes: number) => void {
  return (bytes) => {
    const ms = performance.now() - startedAt
    log.count?.({ status: begun.status, bytes, ms }, site)
    if (accessLog !== 'off') log.write({ ...begun, bytes, ms }, { site, file: accessLog })
  }
}

function beginLine(
  { request, headers, target, host, remoteAddress, requestId, trace }: SiteVisit,
  status: number,
): BegunLine {
  const { authorization, referer, 'user-agent': agent } = headers
  return {
    host,
    remoteAddress,
    user: readBasic(authorization)?.user,
    method: request.method ?? '',
    target: withoutUserInfo(target),
    protocol: request.httpVersionMajor === 2 ? 'HTTP/2.0' : `HTTP/${request.httpVersion}`,
    status,
    referer: referer && withoutUserInfo(referer),
    agent,
    id: requestId,
    trace: trace?.traceId,
  }
}
