import type { OriginDoubt, Visit } from '../../front-door/visit/visit.ts'

/** A proxy whose clients may have come over TLS, while this registry has to assume that they did not. */
export interface DoubtedOrigin extends OriginDoubt {
  /** Of the proxy. */
  readonly address: string
}

/**
 * Calls `onDoubt` with the first visit of each kind whose clients are sent to plain HTTP to log in, which those that
 * came over TLS refuse.
 */
export function createDoubtReport(onDoubt: (doubted: DoubtedOrigin) => void): (visit: Visit) => void {
  const reported = new Set<OriginDoubt['kind']>()
  return ({ doubt, peerAddress }) => {
    if (!doubt || reported.has(doubt.kind)) return
    reported.add(doubt.kind)
    onDoubt({ ...doubt, address: peerAddress })
  }
}
