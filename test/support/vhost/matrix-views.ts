import { isDeepStrictEqual } from 'node:util'
import { comparable } from './compare-answers.ts'
import type { Observed } from './vhost-sides.ts'

/** Milliseconds from which on an answer counts as held back by `limit_rate`. */
const SLOW_MS = 700

/** Answers with the time that each took, in milliseconds. */
export type Timed = readonly (Observed & { readonly ms: number })[]

/** Compared parts of answers, by their names. */
type View = Readonly<Record<string, unknown>>

export function toView(own: Timed, nginx: Timed, { sees }: { sees?: 'slowness' | 'log' }): View {
  const [first] = own
  if (!first || own.length > 1) return { statuses: own.map(({ status }) => status).sort() }
  const other = nginx[0] ?? first
  const { status, headers, body, seen } = comparable(first, other) as Record<string, never>
  const isOwnPage = other.body.startsWith('<html>') || (other.status >= 400 && other.body === '')
  return {
    status,
    body,
    type: isOwnPage ? undefined : String(first.headers['content-type'] ?? '').split(';')[0],
    isSlow: sees === 'slowness' ? first.ms > SLOW_MS : undefined,
    ...prefixed('', headers),
    ...prefixed('seen ', seen),
    ...prefixed('seen ', (seen as { headers?: object } | undefined)?.headers),
    'seen headers': undefined,
  }
}

function prefixed(prefix: string, values: object = {}): View {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `${prefix}${name}`,
      // Here types of texts include their charset.
      typeof value === 'string' ? value.replace('; charset=utf-8', '') : value,
    ]),
  )
}

/** The view with every host's name replaced by the same text. */
export function withoutHost(view: View): unknown {
  return JSON.parse(JSON.stringify(view).replaceAll(/(?:cell|bare)-[0-9-]+\.test/g, 'host'))
}

/** The differences, in words. */
export function describeDifference(nginx: View, berth: View): string {
  const keys = [...new Set([...Object.keys(nginx), ...Object.keys(berth)])]
  return keys
    .filter((key) => !isDeepStrictEqual(nginx[key], berth[key]))
    .map((key) => `${key}: nginx ${short(nginx[key])}, Berth ${short(berth[key])}`)
    .join('; ')
}

function short(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 80) ?? 'nothing'
}
