import type { ZodType } from 'zod'
import { z } from './zod.ts'

/** Path of a collector for traces, by OTLP. */
const DEFAULT_PATH = '/v1/traces'
/** Longest URL, in characters. */
const MAX_URL_LENGTH = 1024
const URL_FAULT =
  'must be off, or an http:// or https:// URL without user, password, query and fragment, such as http://127.0.0.1:4318'

/** URL of a collector, with its path; `off` becomes undefined. */
export const collectorUrl: ZodType<string | undefined> = z
  .union([z.string(), z.literal(false).transform(() => 'off')], URL_FAULT)
  .transform((value, context) => {
    if (value === 'off') return undefined
    const url = value.length <= MAX_URL_LENGTH ? URL.parse(value) : null
    const isPlain = url && /^https?:$/.test(url.protocol) && !url.username && !url.password
    // Nothing of a wrong value is shown: it may hold a password.
    if (!isPlain || /[?#]/.test(value)) {
      context.addIssue(URL_FAULT)
      return z.NEVER
    }
    if (url.pathname === '/') url.pathname = DEFAULT_PATH
    return url.href
  })

const RATIO_FAULT = 'must be a number from 0 to 1, such as 0.1'

/** A part of all requests, as a number or its decimal digits. */
export const sampleRatio: ZodType<number> = z
  .union(
    [
      z.number(),
      z
        .string()
        .regex(/^(?:0|1|0?\.\d{1,9}|[01]\.\d{1,9})$/, RATIO_FAULT)
        .transform(Number),
    ],
    RATIO_FAULT,
  )
  .refine((ratio) => ratio >= 0 && ratio <= 1, RATIO_FAULT)

/** The name of a service in traces. */
export const serviceName: ZodType<string> = z
  .string('must be text')
  .regex(/^[!-~](?:[ -~]{0,126}[!-~])?$/, 'must be 1 to 128 printable ASCII characters')
