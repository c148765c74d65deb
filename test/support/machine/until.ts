import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

/** Longest wait for a condition, in ms, on a busy machine too: only a test that fails waits that long. */
const WITHIN_MS = 60_000
/** Pause between two looks, in ms. */
const POLL_MS = 20

/**
 * Waits until a condition holds.
 * @param explain what the failure's message adds; by default the condition's source
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  explain: string | (() => Promise<string>) = String(holds),
): Promise<void> {
  const deadline = performance.now() + WITHIN_MS
  while (!(await holds())) {
    if (performance.now() > deadline) {
      const reason = typeof explain === 'string' ? explain : await explain()
      assert.fail(`not within ${WITHIN_MS} ms: ${reason}`)
    }
    await sleep(POLL_MS)
  }
}
