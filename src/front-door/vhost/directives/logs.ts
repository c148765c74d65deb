import { parseAccessLog } from '../settings/access-log.ts'
import type { Directive } from '../syntax/parser.ts'
import { warn, warnOnce } from './compile-context.ts'
import { ANY, type DirectiveEntry, defineDirectives, type SettingsLevel, WITH_IF } from './directive-entry.ts'

/** Directives about log files. */
export const LOG_DIRECTIVES: readonly DirectiveEntry[] = defineDirectives([
  {
    name: 'access_log',
    class: 'tuning',
    support: 'part',
    args: ANY,
    contexts: [...WITH_IF, 'limit_except'],
    note: 'off, or a path below /var/log/nginx, which is one below the folder of site-log, and one of the formats combined, vhost, json; one file a level, no condition',
    setting: readAccessLog,
  },
])

function readAccessLog({ draft, own, context }: SettingsLevel, directive: Directive): undefined {
  const isFirst = !own.has('accessLog')
  own.add('accessLog')
  if (directive.args[0] === 'off') draft.accessLog = 'off'
  // As in nginx, where it applies to its whole level.
  if (draft.accessLog === 'off' && (!isFirst || directive.args[0] === 'off')) return
  const { file, oddities } = parseAccessLog(directive.args)
  draft.accessLog = file
  for (const oddity of oddities) warn(context, directive, `"access_log" ${oddity}`)
  if (!isFirst) warn(context, directive, '"access_log" stands here twice: lines go to the last file only')
  if (!context.hasLogFiles) warnOnce(context, directive, 'site-log names no folder for log files')
}
