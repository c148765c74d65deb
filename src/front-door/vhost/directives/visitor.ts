import { type DirectiveEntry, defineDirectives, SERVER } from './directive-entry.ts'
import { flag, isNetwork } from './read-words.ts'

/** Directives about who the visitor is, and how its request is read. */
export const VISITOR_DIRECTIVES: readonly DirectiveEntry[] = defineDirectives([
  {
    name: 'set_real_ip_from',
    class: 'access',
    args: 1,
    contexts: SERVER,
    note: 'addresses and networks, no names',
    setting: (level, { args: [network = ''] }) => {
      if (!isNetwork(network)) return `has "${network}", which is no address or network`
      const { realIp } = level.draft
      const trusted = [...(level.own.has('realIp') ? (realIp?.trusted ?? []) : []), network]
      level.own.add('realIp')
      level.draft.realIp = { header: 'x-real-ip', recursive: false, ...realIp, trusted }
      return undefined
    },
  },
  {
    name: 'real_ip_header',
    class: 'access',
    args: 1,
    contexts: SERVER,
    once: true,
    setting: ({ draft }, { args: [header = ''] }) => {
      draft.realIp = { trusted: [], recursive: false, ...draft.realIp, header: header.toLowerCase() }
      return undefined
    },
  },
  {
    name: 'real_ip_recursive',
    class: 'access',
    args: 1,
    contexts: SERVER,
    setting: flag((draft, on) => {
      draft.realIp = { trusted: [], header: 'x-real-ip', ...draft.realIp, recursive: on }
    }),
  },
  {
    name: 'underscores_in_headers',
    class: 'access',
    args: 1,
    contexts: SERVER,
    note: 'what reads as the name of a header that Berth sets is dropped all the same',
    setting: flag((draft, on) => {
      draft.oddHeaders = { ...draft.oddHeaders, underscores: on }
    }),
  },
  {
    name: 'ignore_invalid_headers',
    class: 'access',
    args: 1,
    contexts: SERVER,
    note: 'off: as with underscores_in_headers',
    setting: flag((draft, on) => {
      draft.oddHeaders = { ...draft.oddHeaders, others: !on }
    }),
  },
  {
    name: 'merge_slashes',
    class: 'routing',
    args: 1,
    contexts: SERVER,
    note: 'off: slashes in a row are kept, for rules and for upstreams alike, but for those at the begin of a path',
    setting: flag((draft, on) => {
      draft.mergeSlashes = on
    }),
  },
])
