import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Served } from '../../../src/front-door/visit/served.ts'
import type { Visit } from '../../../src/front-door/visit/visit.ts'
import { wordRefusal } from '../../../src/http/answer/word-refusal.ts'

/** A host behind the front door that answers by a function, and words refusals as the registry does. */
export function servedBy(serve: (request: IncomingMessage, response: ServerResponse) => void): Served {
  return { serve: addingHeaders(serve), word: wordRefusal }
}

/** Adds what the vhost file says, as for an answer of 200. */
function addingHeaders(serve: (request: IncomingMessage, response: ServerResponse) => void): Served['serve'] {
  return (request, response, visit: Visit) => {
    const headers = visit.addedHeaders?.(200) ?? {}
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    serve(request, response)
  }
}

/** A visit to a registry of tests. */
export function makeVisit(changes: Partial<Visit> = {}): Visit {
  return {
    requestId: 'r1',
    remoteAddress: '203.0.113.7',
    peerAddress: '203.0.113.7',
    remotePort: 4711,
    isPeerTrusted: false,
    target: '/',
    targetAuthority: undefined,
    scheme: 'https',
    serverPort: 443,
    origin: 'https://registry.test',
    doubt: undefined,
    tls: undefined,
    ...changes,
  }
}
