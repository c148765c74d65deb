import { isProtective } from './directive-table.ts'
import { isSetting } from './interpret-settings.ts'
import { type Directive, parseVhostFile } from './parser.ts'
import type { DirectiveProblem, Template } from './settings.ts'
import { parseTemplate } from './template.ts'
import { parseSize } from './units.ts'

/** A zone of `limit_req_zone`. */
export interface RequestZone {
  readonly key: Template
  readonly perSecond: number
}

/** What files of `conf.d` say for all hosts. */
export interface HttpLevel {
  readonly requestZones: ReadonlyMap<string, RequestZone>
  /** Keys of `limit_conn_zone`. */
  readonly connectionZones: ReadonlyMap<string, Template>
  /** Settings that hosts inherit: access, limits, headers, sizes and times. */
  readonly inherited: readonly Directive[]
  readonly problems: readonly DirectiveProblem[]
}

/** Nothing said. */
export const EMPTY_HTTP_LEVEL: HttpLevel = {
  requestZones: new Map(),
  connectionZones: new Map(),
  inherited: [],
  problems: [],
}

/**
 * Reads files of `conf.d`: zones of limits, and settings that all hosts inherit. Anything else in them is passed over with
 * a warning: servers and upstreams are declared elsewhere.
 */
export function readHttpLevel(files: readonly { readonly file: string; readonly text: string }[]): HttpLevel {
  const requestZones = new Map<string, RequestZone>()
  const connectionZones = new Map<string, Template>()
  const inherited: Directive[] = []
  const problems: DirectiveProblem[] = []
  for (const { file, text } of files) {
    const { directives, problem } = parseVhostFile(text, file)
    if (problem) problems.push({ file, line: problem.line, severity: 'warns', message: problem.message })
    for (const directive of directives) {
      if (isInherited(directive)) inherited.push(directive)
      else if (!readZone(directive, { requestZones, connectionZones })) {
        const message = `"${directive.name}" here is not read: only zones of limits and settings of all hosts are`
        problems.push({ file, line: directive.line, severity: 'warns', message })
      }
    }
  }
  return { requestZones, connectionZones, inherited, problems }
}

/** What stands there by nature, and is of no account here unless a host names what it makes. */
const OF_NGINX =
  /^(?:server|upstream|map|geo\w*|split_clients|limit_\w+_zone|lua_\w+|init_\w+|js_(?:import|path|set|var)|perl_\w+)$/

/** What hosts inherit: settings, and what may protect them though it is not known. `limit_except` is for locations. */
function isInherited({ name }: Directive): boolean {
  if (name === 'limit_except' || name.startsWith('ssl_')) return false
  return isSetting(name) || (isProtective(name) && !OF_NGINX.test(name))
}

function readZone(
  { name, args }: Directive,
  zones: { requestZones: Map<string, RequestZone>; connectionZones: Map<string, Template> },
): boolean {
  const [key = ''] = args
  const zone = args
    .find((arg) => arg.startsWith('zone='))
    ?.slice('zone='.length)
    .split(':')
  if (!zone?.[0] || parseSize(zone[1] ?? '') === undefined) return false
  if (name === 'limit_conn_zone') {
    zones.connectionZones.set(zone[0], parseTemplate(key))
    return true
  }
  const [, count, unit] =
    /^rate=(\d{1,9})r\/([sm])$/.exec(args.find((arg) => arg.startsWith('rate=')) ?? '') ?? []
  if (name !== 'limit_req_zone' || count === undefined) return false
  zones.requestZones.set(zone[0], {
    key: parseTemplate(key),
    perSecond: Number(count) / (unit === 'm' ? 60 : 1),
  })
  return true
}
