import { nameOf } from '../../access/principal.ts'
import type { ConsoleParts, SwitchState } from '../console-parts.ts'
import { type Route, toRoute } from '../frame/route.ts'
import { author, maybeTime, toTime, z } from '../frame/schema.ts'

/** Longest reason, in characters: clients get it with each refusal. */
const MAX_REASON_LENGTH = 200
/** Longest pause of collection, in seconds: a month. */
const MAX_PAUSE_S = 31 * 86_400

const switchSchema = z
  .object({
    isOn: z.boolean(),
    since: maybeTime,
    by: author,
    reason: z.string().nullable(),
    until: maybeTime.meta({ description: 'When it goes off by itself' }),
  })
  .meta({ id: 'Switch' })

const OFF = { isOn: false, since: null, by: null, reason: null, until: null }
const ON = { ...OFF, isOn: true, since: '2026-11-28T09:30:00.000Z', by: 'admin', reason: 'a new disk' }

const reason = z
  .string()
  .max(MAX_REASON_LENGTH)
  .refine((text) => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text), 'must be one line')
  .optional()
  .meta({ description: 'Clients get it with each refusal', examples: ['a new disk'] })

/** The switches, and their paths. */
const SWITCHES = [
  { name: 'read-only', path: '/read-only', noun: 'ReadOnly', what: 'refusal of pushes and deletes' },
  { name: 'collection-paused', path: '/collection/pause', noun: 'Pause', what: 'pause of collection' },
] as const

/** Routes about the switches of the registry. */
export function switchRoutes(parts: ConsoleParts): Route[] {
  return SWITCHES.flatMap((one) => createSwitchRoutes(one, parts))
}

function createSwitchRoutes(
  { name, path, noun, what }: (typeof SWITCHES)[number],
  { switches }: ConsoleParts,
): Route[] {
  return [
    toRoute({
      method: 'GET',
      path,
      access: 'administer',
      id: `get${noun}`,
      summary: `The ${what}: whether it is on, since when, by whom and why`,
      answer: switchSchema,
      answerExample: OFF,
      handle: async () => ({ body: toSwitch(await switches.findSwitch(name)) }),
    }),
    toRoute({
      method: 'PUT',
      path,
      access: 'administer',
      id: `set${noun}`,
      summary: `Turns the ${what} on, for all nodes at once`,
      body: z.strictObject({
        reason,
        forSeconds: z
          .int()
          .min(1)
          .max(MAX_PAUSE_S)
          .optional()
          .meta({ description: 'Goes off by itself after it' }),
      }),
      bodyExample: { reason: 'a new disk' },
      answer: switchSchema,
      answerExample: ON,
      async handle({ body: { reason, forSeconds }, principal }) {
        const forMs = forSeconds === undefined ? undefined : forSeconds * 1_000
        const options = { by: nameOf(principal), reason: reason?.trim() || undefined, forMs }
        return { body: toSwitch(await switches.turnOn(name, options)) }
      },
    }),
    toRoute({
      method: 'DELETE',
      path,
      access: 'administer',
      id: `end${noun}`,
      summary: `Turns the ${what} off`,
      async handle() {
        await switches.turnOff(name)
        return {}
      },
    }),
  ]
}

function toSwitch(state: SwitchState | undefined) {
  if (!state) return OFF
  const { since, by, reason, until } = state
  return {
    ...{ isOn: true, since: since.toISOString(), by: by ?? null },
    ...{ reason: reason ?? null, until: toTime(until) },
  }
}
