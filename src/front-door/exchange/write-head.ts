import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { HeaderList } from './answer-head.ts'

/** The head of an answer. */
interface HeadToWrite {
  readonly status: number
  readonly list: HeaderList
  readonly isHttp2: boolean
  /** True if its end comes next, without a body and trailers. */
  readonly isWhole: boolean
}

/** Writes a flat list of headers; HTTP/2 takes them by name only, and none of the connection's. */
export function writeHead(
  response: ServerResponse | Http2ServerResponse,
  { status, list, isHttp2, isWhole }: HeadToWrite,
): void {
  if (response.headersSent || response.destroyed) return
  if (!isHttp2) {
    ;(response as ServerResponse).writeHead(status, list)
    return
  }
  const answer = response as Http2ServerResponse
  const pairs = toPairs(list)
  if (!isWhole) {
    answer.writeHead(status, pairs)
    return
  }
  // It goes out with the end, in one frame: clients of gRPC read a status only there if no DATA frame follows.
  answer.statusCode = status
  for (const [name, value] of Object.entries(pairs)) answer.setHeader(name, value)
}

/** A flat list by name. */
export function toPairs(list: readonly string[]): Record<string, string | string[]> {
  const pairs: Record<string, string | string[]> = {}
  for (let index = 0; index < list.length; index += 2) {
    const name = list[index] ?? ''
    const value = list[index + 1] ?? ''
    const before = pairs[name]
    pairs[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
  }
  return pairs
}

/** The length of the body by a flat list; undefined: none. */
export function lengthOf(list: readonly string[]): number | undefined {
  const index = list.findIndex((text, at) => at % 2 === 0 && text === 'content-length')
  return index < 0 ? undefined : Number(list[index + 1])
}
