import { z } from '../../config/values/zod.ts'

export { z } from '../../config/values/zod.ts'

/** A time as it is sent: ISO 8601 in UTC. */
export const time = z.string().meta({ format: 'date-time', examples: ['2026-11-28T09:30:00.000Z'] })

/** A time that may be unknown. */
export const maybeTime = time.nullable()

/** Bytes, as a number. */
export const bytes = z
  .int()
  .min(0)
  .meta({ examples: [3_145_728] })

/** A number of things. */
export const count = z
  .int()
  .min(0)
  .meta({ examples: [3] })

/** Formats a time that may be unknown. */
export function toTime(at: Date | undefined): string | null {
  return at === undefined ? null : at.toISOString()
}
