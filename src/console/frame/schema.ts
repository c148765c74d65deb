import { z } from '../../config/values/zod.ts'

export { z } from '../../config/values/zod.ts'

/** A time as it is sent: ISO 8601 in UTC. */
export const time = z.string().meta({ format: 'date-time', examples: ['2026-11-28T09:30:00.000Z'] })

/** A time that may be unknown. */
export const maybeTime = time.nullable()

/** A digest as it is sent. */
export const digestText = z
  .string()
  .meta({ examples: ['sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'] })

/** Name of the account that did something. */
export const author = z
  .string()
  .nullable()
  .meta({ description: 'Name of the account, or `(command)`; null: unknown', examples: ['alice'] })

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
