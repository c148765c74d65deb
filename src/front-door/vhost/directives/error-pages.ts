import type { Directive } from '../syntax/parser.ts'
import { type DirectiveEntry, defineDirectives, MANY, type SettingsLevel } from './directive-entry.ts'
import { flag, ownList } from './read-words.ts'

/** Directives about pages in the place of errors. */
export const ERROR_PAGE_DIRECTIVES: readonly DirectiveEntry[] = defineDirectives([
  {
    name: 'error_page',
    class: 'routing',
    support: 'part',
    args: [2, MANY],
    note: 'on errors of this server and intercepted ones; no variables in the page; a body that an upstream was given is not sent again',
    setting: readErrorPage,
  },
  {
    name: 'proxy_intercept_errors',
    class: 'routing',
    args: 1,
    setting: flag((draft, on) => {
      draft.interceptErrors = on
    }),
  },
  {
    name: 'recursive_error_pages',
    class: 'routing',
    args: 1,
    setting: flag((draft, on) => {
      draft.recursiveErrorPages = on
    }),
  },
])

function readErrorPage(level: SettingsLevel, { args }: Directive): string | undefined {
  const uri = args.at(-1) ?? ''
  if (!/^(?:\/|@|https?:\/\/)/.test(uri)) return `names a page that is neither a path nor a URL: ${uri}`
  const override = args.find((arg) => arg.startsWith('='))
  const statuses = args.slice(0, override === undefined ? -1 : args.indexOf(override)).map(Number)
  if (statuses.length === 0 || statuses.some((status) => !(status >= 300 && status <= 599))) {
    return 'needs statuses from 300 to 599 before the page'
  }
  const status = override === undefined || override === '=' ? undefined : Number(override.slice(1))
  if (status !== undefined && !(status >= 200 && status <= 599))
    return `has "${override}", which is no status`
  if (/\$\w/.test(uri)) return `has a variable in its page, which is not understood: ${uri}`
  const page = { statuses, status, takesPageStatus: override === '=', uri }
  level.draft.errorPages = [...ownList(level, 'errorPages'), page]
  return undefined
}
