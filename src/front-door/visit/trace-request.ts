import type { Visit } from './visit.ts'

/** An answer, for its end and its status. */
interface TracedAnswer {
  readonly headersSent: boolean
  readonly statusCode: number
  once(event: 'close', listener: () => void): unknown
}

/** Answers a request as a part of its trace, which ends with the answer. */
export function traceRequest(response: TracedAnswer, { trace }: Visit, answer: () => void): void {
  if (!trace?.isRecorded) {
    answer()
    return
  }
  trace.run(answer)
  response.once('close', () => trace.end(response.headersSent ? response.statusCode : LEFT))
}

/** Status of a request whose client left before the answer, as in the access log. */
const LEFT = 499
