import { findDirective, isProtective } from '../directives/directive-table.ts'
import type { HttpLevel, RequestZone } from '../directives/http-level.ts'
import { type Directive, parseVhostFile } from '../syntax/parser.ts'
import type { DirectiveProblem, Place } from '../syntax/problem.ts'
import { parseTemplate, type Template } from '../syntax/template.ts'
import { parseSize } from '../syntax/units.ts'

/**
 * Reads files of `conf.d`: zones of limits, and settings that all hosts inherit. All other directives are ignored with
 * a warning: servers and upstreams are declared elsewhere.
 */
export function readHttpLevel(files: readonly { readonly file: string; readonly text: string }[]): HttpLevel {
  const requestZones = new Map<string, RequestZone>()
  const connectionZones = new Map<string, Template>()
  const inherited: Directive[] = []
  const problems: DirectiveProblem[] = []
  const servers = new Map<string, Place>()
  const upstreams = new Map<string, Place>()
  for (const { file, text } of files) {
    const { directives, problem } = parseVhostFile(text, file)
    if (problem) problems.push({ file, line: problem.line, severity: 'warns', message: problem.message })
    for (const directive of directives) {
      if (isInherited(directive)) inherited.push(directive)
      else if (!readZone(directive, { requestZones, connectionZones })) {
        const { line, name, args } = directive
        problems.push({ file, line, severity: 'warns', message: messageFor(directive) })
        for (const host of namesOf(directive)) servers.set(host, { file, line })
        if (name === 'upstream' && args[0] !== undefined) upstreams.set(args[0], { file, line })
      }
    }
  }
  return { requestZones, connectionZones, inherited, problems, servers, upstreams }
}

/** The hosts of a `server` block. */
function namesOf({ name, block = [] }: Directive): string[] {
  if (name !== 'server') return []
  return block.flatMap((inner) =>
    inner.name === 'server_name' ? inner.args.map((host) => host.toLowerCase()) : [],
  )
}

/** Remarks about ignored directives, where there is more to add. */
const INSTEAD: Readonly<Record<string, string>> = {
  server: 'hosts come from containers and berth.yaml, and what else is said of them from the vhost folder',
  upstream: 'servers are those of containers and berth.yaml; a "proxy_pass" to it closes its host',
  map: 'variables are made by "set"; what names its variable closes its host',
  geo: 'variables are made by "set"; what names its variable closes its host',
  split_clients: 'variables are made by "set"; what names its variable closes its host',
  log_format: 'formats are combined, vhost and json',
  proxy_cache_path: 'nothing is cached',
}

function messageFor({ name }: Directive): string {
  return `"${name}" here is not read: ${INSTEAD[name] ?? 'only zones of limits and settings of all hosts are'}`
}

/** Usual directives of nginx's main file, without effect here unless a host names what they define. */
const OF_NGINX =
  /^(?:server|upstream|map|geo\w*|split_clients|limit_\w+_zone|lua_\w+|init_\w+|js_(?:import|path|set|var)|perl_\w+)$/

/**
 * True for directives that hosts inherit: settings, and unknown ones that may protect them. `limit_except` is for
 * locations.
 */
function isInherited({ name }: Directive): boolean {
  if (name === 'limit_except' || name.startsWith('ssl_')) return false
  const entry = findDirective(name)
  return (
    (entry !== undefined &&
      ('setting' in entry || entry.support === 'no-op' || entry.support === 'missing')) ||
    (isProtective(name) && !OF_NGINX.test(name))
  )
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
