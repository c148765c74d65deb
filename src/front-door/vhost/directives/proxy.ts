import { parseTemplate } from '../syntax/template.ts'
import { ANY, allWords, type DirectiveEntry, defineDirectives, LOCATION } from './directive-entry.ts'
import { flag, time } from './read-words.ts'

/** Failures after which another server may be tried, in the words of `proxy_next_upstream`. */
const NEXT_ON = ['error', 'timeout', 'http_502', 'http_503', 'http_504', 'non_idempotent'] as const

/** Directives about upstreams, but for headers and pages. */
export const PROXY_DIRECTIVES: readonly DirectiveEntry[] = defineDirectives([
  {
    name: 'proxy_pass',
    class: 'routing',
    args: 1,
    contexts: LOCATION,
    note: 'http and https; the host by its name, or what comes out as it, is what was declared for it',
    once: true,
    variables: allWords,
    content: (draft, directive) => {
      draft.proxyPass ??= directive
    },
  },
  {
    name: 'proxy_redirect',
    class: 'tuning',
    support: 'part',
    args: [1, 2],
    note: 'off, default, or pairs; what is replaced is a plain text',
    variables: allWords,
    setting: (level, { args: [from = '', to] }) => {
      if (to === undefined) {
        if (from !== 'off' && from !== 'default') return 'needs off, default or two texts'
        level.draft.proxyRedirect = from
        level.own.add('proxyRedirect')
        return undefined
      }
      if (from.startsWith('~') || from.includes('$')) return `takes a plain text to replace here, not ${from}`
      const before = level.own.has('proxyRedirect') ? level.draft.proxyRedirect : []
      level.own.add('proxyRedirect')
      level.draft.proxyRedirect = [...(Array.isArray(before) ? before : []), { from, to: parseTemplate(to) }]
      return undefined
    },
  },
  {
    name: 'proxy_read_timeout',
    class: 'tuning',
    args: 1,
    note: 'the gap between two reads',
    once: true,
    setting: time('proxyReadTimeoutMs'),
  },
  {
    name: 'proxy_send_timeout',
    class: 'tuning',
    args: 1,
    note: 'the gap between two writes',
    once: true,
    setting: time('proxySendTimeoutMs'),
  },
  {
    name: 'proxy_connect_timeout',
    class: 'tuning',
    args: 1,
    once: true,
    setting: time('proxyConnectTimeoutMs'),
  },
  {
    name: 'proxy_next_upstream',
    class: 'tuning',
    args: ANY,
    note: 'error, timeout, http_502, http_503, http_504, non_idempotent, off',
    setting: ({ draft }, { args }) => {
      draft.nextUpstream = args.includes('off') ? [] : NEXT_ON.filter((word) => args.includes(word))
      return undefined
    },
  },
  {
    name: 'proxy_ssl_verify',
    class: 'routing',
    args: 1,
    setting: flag((draft, on) => {
      draft.proxySsl = { ...draft.proxySsl, verify: on }
    }),
  },
  {
    name: 'proxy_ssl_server_name',
    class: 'routing',
    args: 1,
    setting: flag((draft, on) => {
      draft.proxySsl = { ...draft.proxySsl, serverName: on }
    }),
  },
  {
    name: 'proxy_ssl_name',
    class: 'routing',
    args: 1,
    setting: ({ draft }, { args: [name = ''] }) => {
      draft.proxySsl = { ...draft.proxySsl, name }
      return undefined
    },
  },
])
