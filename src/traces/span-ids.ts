import { randomFillSync } from 'node:crypto'

/** Random bytes made at once: one call for each id would cost more than the id. */
const POOL_BYTES = 4_096

/** Creates a maker of random ids, in hexadecimal digits; it never makes one of zeros, which stands for no id. */
export function createSpanIds(): (bytes: 8 | 16) => string {
  const pool = Buffer.alloc(POOL_BYTES)
  let used = POOL_BYTES
  return (bytes) => {
    for (;;) {
      if (used + bytes > POOL_BYTES) {
        randomFillSync(pool)
        used = 0
      }
      used += bytes
      const id = pool.toString('hex', used - bytes, used)
      if (!/^0+$/.test(id)) return id
    }
  }
}
