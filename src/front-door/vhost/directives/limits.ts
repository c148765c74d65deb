import type { Directive } from '../syntax/parser.ts'
import {
  type DirectiveEntry,
  defineDirectives,
  type ReadSetting,
  type SettingsDraft,
  type SettingsLevel,
  WITH_IF,
} from './directive-entry.ts'
import { ownList, size, time } from './read-words.ts'

/** Directives that bound sizes, rates, connections and waits of visitors. */
export const LIMIT_DIRECTIVES: readonly DirectiveEntry[] = defineDirectives([
  {
    name: 'client_max_body_size',
    class: 'access',
    args: 1,
    note: 'not in a named location, as in nginx; the registry has no limit unless one is set here; 0 is none',
    once: true,
    setting: (level, directive) =>
      size((draft, bytes) => {
        draft.maxBodyBytes = bytes
        draft.maxBodyPlace = { file: directive.file, line: directive.line }
      })(level, directive),
  },
  {
    name: 'limit_req',
    class: 'access',
    support: 'part',
    args: [1, 4],
    note: 'the zone must be in conf.d; delay= is read as nodelay',
    setting: readRequestRate,
  },
  {
    name: 'limit_req_status',
    class: 'access',
    args: 1,
    once: true,
    setting: status((draft, requestRateStatus) => {
      draft.latent = { ...draft.latent, requestRateStatus }
    }),
  },
  {
    name: 'limit_conn',
    class: 'access',
    args: 2,
    note: 'the zone must be in conf.d',
    setting: (level, { args: [zone = '', count = ''] }) => {
      const key = level.context.httpLevel.connectionZones.get(zone)
      if (!key) return `names the zone "${zone}", which no limit_conn_zone in conf.d makes`
      if (!/^\d{1,6}$/.test(count)) return 'needs a number of connections'
      const limit = { zone, key, max: Number(count), status: 503 }
      level.draft.connectionLimits = [...ownList(level, 'connectionLimits'), limit]
      return undefined
    },
  },
  {
    name: 'limit_conn_status',
    class: 'access',
    args: 1,
    once: true,
    setting: status((draft, connectionLimitStatus) => {
      draft.latent = { ...draft.latent, connectionLimitStatus }
    }),
  },
  {
    name: 'limit_rate',
    class: 'tuning',
    args: 1,
    contexts: WITH_IF,
    note: 'without variables',
    setting: size((draft, bytes) => {
      draft.bytesPerSecond = bytes
    }),
  },
  {
    name: 'client_body_timeout',
    class: 'tuning',
    args: 1,
    note: 'the gap between two reads',
    once: true,
    setting: time('clientBodyTimeoutMs'),
  },
  {
    name: 'send_timeout',
    class: 'tuning',
    args: 1,
    note: 'the gap between two writes; the registry waits 60 s on its own',
    once: true,
    setting: time('sendTimeoutMs'),
  },
])

function readRequestRate(level: SettingsLevel, { args }: Directive): string | undefined {
  const odd = args.find((arg) => !/^(?:zone=\w|burst=\d+$|nodelay$|delay=\d+$)/.test(arg))
  if (odd !== undefined) return `has "${odd}", which is not understood`
  const words = new Map(args.map((arg) => arg.split('=', 2) as [string, string | undefined]))
  const zone = words.get('zone') ?? ''
  const found = level.context.httpLevel.requestZones.get(zone)
  if (!found) return `names the zone "${zone}", which no limit_req_zone in conf.d makes`
  const burst = Number(words.get('burst') ?? 0)
  if (!Number.isSafeInteger(burst) || burst < 0) return 'has a burst that is no number'
  const rate = { zone, ...found, burst, noDelay: words.has('nodelay') || words.has('delay'), status: 503 }
  level.draft.requestRates = [...ownList(level, 'requestRates'), rate]
  return undefined
}

function status(apply: (draft: SettingsDraft, status: number) => void): ReadSetting {
  return ({ draft }, { args: [word] }) => {
    const value = Number(word)
    if (!Number.isInteger(value) || value < 400 || value > 599) return 'needs a status from 400 to 599'
    apply(draft, value)
    return undefined
  }
}
