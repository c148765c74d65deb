import { setTimeout as sleep } from 'node:timers/promises'
import type { ConsoleParts } from '../console-parts.ts'
import { ApiError } from '../frame/api-error.ts'
import { type Call, type Route, requireCaller, toRoute } from '../frame/route.ts'
import { toStatus } from './server.ts'
import { toCollection } from './upkeep.ts'

/** Streams that one process sends at once: each reads the state of all processes. */
const MAX_STREAMS = 4
/** Streams of one account among them: one account must leave some to others. */
const MAX_STREAMS_OF_ACCOUNT = 2
/** Time between two looks at the state, in milliseconds. */
const LOOK_MS = 2_000
/** Looks without a change after which a comment is sent, so that no proxy takes the stream for a dead one. */
const QUIET_LOOKS = 7
/** Longest life of a stream, in milliseconds: browsers open the next by themselves, and log in again for it. */
const MAX_STREAM_MS = 5 * 60_000

/** The route of what is live. */
export function eventRoutes(parts: ConsoleParts): Route[] {
  /** Streams by the name of their account. */
  const open = new Map<string, number>()
  return [
    toRoute({
      method: 'GET',
      path: '/events',
      access: 'administer',
      id: 'streamEvents',
      summary:
        'Server-sent events: `status` with rates and transfers under way, `collection` with its progress',
      description: `Each has the form of GET /status or GET /collection, and is sent when it has changed, at most every ${LOOK_MS / 1_000} seconds. A stream ends after ${MAX_STREAM_MS / 60_000} minutes; open it again then. It ends before if its credentials or the access end.`,
      streamType: 'text/event-stream',
      errors: ['STREAMS_FULL'],
      handle(call) {
        const { name } = requireCaller(call)
        requirePlace(open, name)
        const count = (by: 1 | -1): void => {
          const left = (open.get(name) ?? 0) + by
          if (left > 0) open.set(name, left)
          else open.delete(name)
        }
        return { stream: followState(parts, call, count) }
      },
    }),
  ]
}

/** Errors: `STREAMS_FULL`. */
function requirePlace(open: ReadonlyMap<string, number>, name: string): void {
  const headers = { 'retry-after': '10' }
  if ([...open.values()].reduce((sum, count) => sum + count, 0) >= MAX_STREAMS)
    throw new ApiError('STREAMS_FULL', { headers })
  if ((open.get(name) ?? 0) < MAX_STREAMS_OF_ACCOUNT) return
  const message = `This account has ${MAX_STREAMS_OF_ACCOUNT} streams of events open: close one, or try again later`
  throw new ApiError('STREAMS_FULL', { message, headers })
}

/**
 * Both kinds of events, until the client, its access or the server ends. `count` is called at the begin and the end: HEAD
 * begins none.
 */
async function* followState(
  { server, upkeep }: ConsoleParts,
  { signal, isStillAllowed }: Pick<Call<string, unknown, unknown>, 'signal' | 'isStillAllowed'>,
  count: (by: 1 | -1) => void,
): AsyncGenerator<string> {
  count(1)
  try {
    const ends = AbortSignal.any([signal, server.stopping, AbortSignal.timeout(MAX_STREAM_MS)])
    const last = { status: '', collection: '' }
    let quiet = 0
    while (!ends.aborted) {
      const state = await server.readStatus()
      const found = {
        status: state ? JSON.stringify(toStatus(state)) : last.status,
        collection: JSON.stringify(toCollection(await upkeep.readCollection())),
      }
      quiet++
      for (const name of ['status', 'collection'] as const) {
        if (found[name] === last[name]) continue
        last[name] = found[name]
        quiet = 0
        yield `event: ${name}\ndata: ${found[name]}\n\n`
      }
      if (quiet >= QUIET_LOOKS) {
        quiet = 0
        yield ': nothing new\n\n'
      }
      await sleep(LOOK_MS, undefined, { signal: ends }).catch(() => undefined)
      if (ends.aborted || !(await isStillAllowed())) return
    }
  } finally {
    count(-1)
  }
}
