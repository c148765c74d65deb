import type { TracedCall } from '../../../traces/request-trace.ts'
import type { JudgedVisit } from '../../exchange/site-exchange.ts'
import type { UpstreamDeclaration, UpstreamServer } from '../../sites/site-declaration.ts'

/** Begins the span of one attempt at a server; undefined: nothing is traced. */
export function beginCall(
  { trace, facts }: JudgedVisit,
  { protocol }: UpstreamDeclaration,
  { host, port }: UpstreamServer,
): TracedCall | undefined {
  return trace?.beginCall(facts.method, {
    'server.address': host,
    'server.port': port,
    'berth.upstream_protocol': protocol,
  })
}
