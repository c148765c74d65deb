import type { Duplex } from 'node:stream'
import type { JudgedVisit } from '../../exchange/site-exchange.ts'
import type { LocationSettings } from '../../vhost/settings/settings.ts'
import { BODY_STATUS } from '../proxy-request.ts'
import { BodyStopped, hasBody, readBody } from '../send/request-body.ts'

/** Body before the protocol changes. */
interface UpgradeBody {
  readonly headers: readonly string[]
  readonly bytes: AsyncIterable<Buffer>
  isBegun(): boolean
  /** The status to answer with if the client's body ended it. */
  failure(): number | undefined
}

/** The body sent with the request, as `docker exec` does; undefined: none. It can be read once. */
export function upgradeBody({
  visit,
  settings,
  client,
}: {
  readonly visit: JudgedVisit
  readonly settings: LocationSettings
  readonly client: { readonly socket: Duplex }
}): UpgradeBody | undefined {
  const { headers, request } = visit
  if (!hasBody(visit, false)) return undefined
  const state: { isBegun: boolean; failure: number | undefined } = { isBegun: false, failure: undefined }
  const bounds = {
    maxBytes: settings.maxBodyBytes,
    readGapMs: settings.clientBodyTimeoutMs,
    writeGapMs: settings.proxySendTimeoutMs,
  }
  async function* read(): AsyncGenerator<Buffer> {
    state.isBegun = true
    if (headers.expect !== undefined) client.socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    try {
      yield* readBody(request, bounds, () => client.socket.destroy())
    } catch (error) {
      if (error instanceof BodyStopped) state.failure = BODY_STATUS[error.reason]
      throw error
    }
  }
  const length = headers['content-length']
  return {
    headers: length === undefined ? ['transfer-encoding', 'chunked'] : ['content-length', length],
    bytes: read(),
    isBegun: () => state.isBegun,
    failure: () => state.failure,
  }
}
