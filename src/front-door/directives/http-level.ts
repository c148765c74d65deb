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
  /** Settings that hosts inherit: sizes and times. */
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

/** What hosts inherit from there; the rest of such files is nginx's own business. */
const INHERITED: ReadonlySet<string> = new Set([
  'client_max_body_size',
  'client_body_timeout',
  'send_timeout',
  'proxy_read_timeout',
  'proxy_send_timeout',
  'proxy_connect_timeout',
  'limit_req_status',
  'limit_conn_status',
])

/** Reads files of `conf.d`: zones of limits, sizes and times. Anything else in them is passed over with a warning. */
export function readHttpLevel(files: readonly { readonly file: string; readonly text: string }[]): HttpLevel {
  const requestZones = new Map<string, RequestZone>()
  const connectionZones = new Map<string, Template>()
  const inherited: Directive[] = []
  const problems: DirectiveProblem[] = []
  for (const { file, text } of files) {
    const { directives, problem } = parseVhostFile(text, file)
    if (problem) problems.push({ file, line: problem.line, severity: 'warns', message: problem.message })
    for (const directive of directives) {
      if (INHERITED.has(directive.name)) inherited.push(directive)
      else if (!readZone(directive, { requestZones, connectionZones })) {
        const message = `"${directive.name}" here is not read: only zones of limits, sizes and times are`
        problems.push({ file, line: directive.line, severity: 'warns', message })
      }
    }
  }
  return { requestZones, connectionZones, inherited, problems }
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
