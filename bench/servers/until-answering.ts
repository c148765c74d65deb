import { setTimeout as sleep } from 'node:timers/promises'
import { request } from '../registry-request.ts'

/** Pause between two tries, in ms: the precision of a measured start. */
const POLL_MS = 3
/** Tries before it gives up, which makes 10 s and more. */
const MAX_TRIES = 3_000

/** A wait for a registry's first answer to `GET /v2/`, log-in or not. Errors: the last try's. */
export function untilAnswering(url: string): () => Promise<boolean> {
  return async () => {
    for (let tries = 1; ; tries += 1) {
      try {
        const { status } = await request(`${url}/v2/`, {})
        if (status === 200 || status === 401) return true
      } catch (error) {
        if (tries >= MAX_TRIES) throw error
      }
      await sleep(POLL_MS)
    }
  }
}
