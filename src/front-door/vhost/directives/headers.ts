import { parseTemplate } from '../syntax/template.ts'
import { parseTime } from '../syntax/units.ts'
import { allWords, type DirectiveEntry, defineDirectives, WITH_IF } from './directive-entry.ts'
import { ownList } from './read-words.ts'

/** Directives about headers of requests and answers. */
export const HEADER_DIRECTIVES: readonly DirectiveEntry[] = defineDirectives([
  {
    name: 'add_header',
    class: 'routing',
    args: [2, 3],
    contexts: WITH_IF,
    note: 'HSTS stays beside it; at an inner level it replaces what it would inherit',
    variables: allWords,
    setting: (level, { args: [name = '', value = '', always] }) => {
      if (!isHeaderName(name)) return 'has no header name'
      if (always !== undefined && always !== 'always') return `has "${always}" where only "always" may stand`
      const header = { name, value: parseTemplate(value), always: always !== undefined }
      level.draft.addHeaders = [...ownList(level, 'addHeaders'), header]
      return undefined
    },
  },
  {
    name: 'proxy_hide_header',
    class: 'routing',
    args: 1,
    setting: (level, { args: [name = ''] }) => {
      level.draft.hideHeaders = [...ownList(level, 'hideHeaders'), name.toLowerCase()]
      return undefined
    },
  },
  {
    name: 'proxy_pass_header',
    class: 'routing',
    args: 1,
    setting: (level, { args: [name = ''] }) => {
      level.draft.passHeaders = [...ownList(level, 'passHeaders'), name.toLowerCase()]
      return undefined
    },
  },
  {
    name: 'proxy_set_header',
    class: 'routing',
    args: 2,
    note: 'several of a name are all sent; at an inner level it replaces what it would inherit',
    variables: allWords,
    setting: (level, { args: [name = '', value = ''] }) => {
      if (!isHeaderName(name)) return 'has no header name'
      const before = level.own.has('setHeaders') ? (level.draft.setHeaders ?? []) : []
      level.own.add('setHeaders')
      level.draft.setHeaders = [...before, { name: name.toLowerCase(), value: parseTemplate(value) }]
      return undefined
    },
  },
  {
    name: 'expires',
    class: 'tuning',
    support: 'part',
    args: [1, 2],
    contexts: WITH_IF,
    note: 'a time, epoch, max or off; not "modified" and not @time',
    setting: ({ draft }, { args: [word = '', more] }) => {
      if (more !== undefined || word.startsWith('@')) return 'takes a time, epoch, max or off here'
      const isNegative = word.startsWith('-')
      const ms = parseTime(isNegative ? word.slice(1) : word)
      if (word === 'epoch' || word === 'max' || word === 'off') draft.expires = word
      else if (ms === undefined) return 'needs a time, epoch, max or off'
      else draft.expires = (isNegative ? -1 : 1) * Math.round(ms / 1_000)
      return undefined
    },
  },
])

function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(name)
}
