import type { ZodType } from 'zod'
import { WEBHOOK_ACTIONS, WEBHOOK_FORMATS, type WebhookConfig } from '../webhook.ts'
import { z } from './zod.ts'

/** Most webhooks in a file. */
const MAX_WEBHOOKS = 100
/** Longest wait for an answer, and the usual one, in milliseconds. */
const MAX_TIMEOUT_MS = 30_000
const USUAL_TIMEOUT_MS = 10_000

const header = z
  .string()
  .max(4096)
  .regex(/^[!-~](?:[ -~]*[!-~])?$/, 'must be printable ASCII')

const webhook = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/i, 'must be 1 to 63 letters, digits, ".", "_" and "-"'),
  // Nothing of a wrong value is shown: it may hold a password.
  url: z
    .string()
    .max(2048)
    .refine(
      (text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''),
      'must be an http:// or https:// URL',
    ),
  format: z.enum(WEBHOOK_FORMATS).default('cloudevents'),
  repositories: z.array(z.string().min(1).max(255)).max(100).default(['**']),
  actions: z.array(z.enum(WEBHOOK_ACTIONS)).default([]),
  ignoredMediaTypes: z.array(z.string().max(255)).max(32).default([]),
  headers: z.record(z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/), header).default({}),
  secret: z.string().min(16).max(256).optional(),
  timeoutMs: z.number().int().min(100).max(MAX_TIMEOUT_MS).default(USUAL_TIMEOUT_MS),
})

/** Webhooks in a file of settings. */
export const webhooks: ZodType<readonly WebhookConfig[]> = z
  .union([z.literal('').transform(() => []), z.array(webhook).max(MAX_WEBHOOKS)])
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'must have different names')

/** Distribution's actions, and ours. */
const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  push: ['manifest.push', 'manifest.restore', 'tag.restore', 'repository.restore'],
  pull: ['manifest.pull'],
  mount: ['blob.mount'],
  delete: ['manifest.delete', 'tag.delete', 'tag.expire', 'repository.delete', 'blob.delete'],
}

/** An endpoint of Distribution's notifications. */
const endpoint = z.looseObject({
  name: z.string(),
  url: z.string(),
  disabled: z.boolean().nullish(),
  headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])).nullish(),
  timeout: z.union([z.string(), z.number()]).nullish(),
  ignoredmediatypes: z.array(z.string()).nullish(),
  ignore: z
    .looseObject({ mediatypes: z.array(z.string()).nullish(), actions: z.array(z.string()).nullish() })
    .nullish(),
})

/** Turns the endpoints of Distribution's `notifications` into webhooks; undefined: they are none. */
export function readNotifications(value: unknown): unknown {
  const endpoints = z.array(endpoint).safeParse(value ?? [])
  if (!endpoints.success) return undefined
  return endpoints.data
    .filter(({ disabled }) => disabled !== true)
    .map(({ name, url, headers, timeout, ignoredmediatypes, ignore }) => ({
      name,
      url,
      format: 'distribution',
      headers: Object.fromEntries(
        Object.entries(headers ?? {}).map(([key, values]) => [key, [values].flat().join(', ')]),
      ),
      actions: Object.entries(ACTIONS).flatMap(([action, own]) =>
        ignore?.actions?.includes(action) ? [] : own,
      ),
      ignoredMediaTypes: [...(ignoredmediatypes ?? []), ...(ignore?.mediatypes ?? [])],
      timeoutMs: Math.min(Math.max(readDuration(timeout), 100), MAX_TIMEOUT_MS),
    }))
}

/** Units of Go's durations, in milliseconds. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** A duration of Distribution, in milliseconds: a number without a unit is in nanoseconds. */
function readDuration(value: string | number | null | undefined): number {
  if (value === null || value === undefined) return USUAL_TIMEOUT_MS
  const parts = [...String(value).matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  if (parts.length > 0)
    return Math.round(
      parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS[unit] ?? 0), 0),
    )
  const nanoseconds = Number(value)
  return Number.isFinite(nanoseconds) && nanoseconds > 0 ? Math.round(nanoseconds / 1e6) : USUAL_TIMEOUT_MS
}
