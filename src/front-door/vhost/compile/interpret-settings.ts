// long: one entry a directive, which reads best in one place
import { isIP } from 'node:net'
import { type CompileContext, tell, warn, warnOnce } from '../directives/compile-context.ts'
import { createAddressTest } from '../settings/access.ts'
import { parseAccessLog } from '../settings/access-log.ts'
import type { LocationSettings } from '../settings/settings.ts'
import type { Directive } from '../syntax/parser.ts'
import { parseTemplate } from '../syntax/template.ts'
import { parseFlag, parseSize, parseTime } from '../syntax/units.ts'

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
type Draft = Mutable<LocationSettings>

/** A level whose settings are being read: what it says itself replaces lists that it would inherit. */
interface Level {
  readonly draft: Draft
  readonly context: CompileContext
  /** Lists that this level has begun. */
  readonly own: Set<string>
}

/** Reads one directive; a text says what is wrong with it. */
type Read = (level: Level, directive: Directive) => string | undefined

/** The settings of a level: those it inherits, with what its directives say. What is no setting is left to others. */
export function interpretSettings(
  inherited: LocationSettings,
  directives: readonly Directive[],
  context: CompileContext,
): LocationSettings {
  const level: Level = { draft: { ...inherited }, context, own: new Set() }
  for (const directive of directives) {
    // What it gives other methods is made of all else that stands at this level.
    if (directive.name !== 'limit_except') interpret(level, directive)
  }
  const { draft } = level
  draft.requestRates = draft.requestRates.map((rate) => ({ ...rate, status: draft.latent.requestRateStatus }))
  draft.connectionLimits = draft.connectionLimits.map((limit) => ({
    ...limit,
    status: draft.latent.connectionLimitStatus,
  }))
  const { gzipTypes: types, gzipMinLengthBytes: minLengthBytes } = draft.latent
  draft.gzip = draft.gzip && { types, minLengthBytes }
  for (const directive of directives) if (directive.name === 'limit_except') interpret(level, directive)
  return level.draft
}

function interpret(level: Level, directive: Directive): void {
  const problem = SETTINGS.get(directive.name)?.(level, directive)
  if (problem !== undefined) tell(level.context, directive, `"${directive.name}" ${problem}`)
}

/** Whether a directive is a setting, as opposed to routing and rewriting. */
export function isSetting(name: string): boolean {
  return SETTINGS.has(name)
}

const SETTINGS: ReadonlyMap<string, Read> = new Map(
  Object.entries<Read>({
    client_max_body_size: ({ draft }, { args: [size = ''], file, line }) => {
      const bytes = parseSize(size)
      if (bytes === undefined) return NO_SIZE
      draft.maxBodyBytes = bytes
      draft.maxBodyPlace = { file, line }
      return undefined
    },
    client_body_timeout: time('clientBodyTimeoutMs'),
    send_timeout: time('sendTimeoutMs'),
    proxy_read_timeout: time('proxyReadTimeoutMs'),
    proxy_send_timeout: time('proxySendTimeoutMs'),
    proxy_connect_timeout: time('proxyConnectTimeoutMs'),
    add_header: (level, { args: [name = '', value = '', always] }) => {
      if (!isHeaderName(name)) return 'has no header name'
      if (always !== undefined && always !== 'always') return `has "${always}" where only "always" may stand`
      const header = { name, value: parseTemplate(value), always: always !== undefined }
      level.draft.addHeaders = [...ownList(level, 'addHeaders'), header]
      return undefined
    },
    proxy_hide_header: (level, { args: [name = ''] }) => {
      level.draft.hideHeaders = [...ownList(level, 'hideHeaders'), name.toLowerCase()]
      return undefined
    },
    proxy_pass_header: (level, { args: [name = ''] }) => {
      level.draft.passHeaders = [...ownList(level, 'passHeaders'), name.toLowerCase()]
      return undefined
    },
    proxy_set_header: (level, { args: [name = '', value = ''] }) => {
      if (!isHeaderName(name)) return 'has no header name'
      const before = level.own.has('setHeaders') ? (level.draft.setHeaders ?? []) : []
      level.own.add('setHeaders')
      level.draft.setHeaders = [...before, { name: name.toLowerCase(), value: parseTemplate(value) }]
      return undefined
    },
    auth_basic: ({ draft }, { args: [realm = ''] }) => {
      const { access } = draft
      // The file counts whether it stands before or behind, at this level or further out.
      const basic = realm === 'off' ? undefined : { realm: parseTemplate(realm), file: access.file }
      draft.access = { ...access, basic }
      return undefined
    },
    auth_basic_user_file: ({ draft, context }, { args: [path = ''] }) => {
      if (path.includes('$')) return `has a variable in its name, which is not understood: ${path}`
      const file = context.resolvePath(path)
      if (file === undefined) return `names a file outside the password folder: ${path}`
      const { access } = draft
      draft.access = { ...access, file, basic: access.basic && { ...access.basic, file } }
      return undefined
    },
    allow: address('allow'),
    deny: address('deny'),
    satisfy: ({ draft }, { args: [word] }) => {
      if (word !== 'all' && word !== 'any') return 'must be all or any'
      draft.access = { ...draft.access, satisfy: word }
      return undefined
    },
    limit_except: ({ draft, context }, { args, block = [] }) => {
      const methods = args.map((method) => method.toUpperCase())
      const inner = interpretSettings({ ...draft, limitExcept: undefined }, block, context)
      draft.limitExcept = {
        methods: methods.includes('GET') ? [...methods, 'HEAD'] : methods,
        others: inner.access,
        accessLog: inner.accessLog,
      }
      return undefined
    },
    proxy_redirect: (level, { args: [from = '', to] }) => {
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
    proxy_ssl_verify: flagOf((draft, on) => {
      draft.proxySsl = { ...draft.proxySsl, verify: on }
    }),
    proxy_ssl_server_name: flagOf((draft, on) => {
      draft.proxySsl = { ...draft.proxySsl, serverName: on }
    }),
    proxy_ssl_name: ({ draft }, { args: [name = ''] }) => {
      draft.proxySsl = { ...draft.proxySsl, name }
      return undefined
    },
    error_page: (level, { args }) => {
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
    },
    proxy_intercept_errors: flagOf((draft, on) => {
      draft.interceptErrors = on
    }),
    recursive_error_pages: flagOf((draft, on) => {
      draft.recursiveErrorPages = on
    }),
    gzip: flagOf((draft, on) => {
      draft.gzip = on ? { types: [], minLengthBytes: 0 } : undefined
    }),
    gzip_types: ({ draft }, { args }) => {
      const gzipTypes = [...new Set(['text/html', ...args.map((type) => type.toLowerCase())])]
      draft.latent = { ...draft.latent, gzipTypes }
      return undefined
    },
    gzip_min_length: ({ draft }, { args: [size = ''] }) => {
      const gzipMinLengthBytes = parseSize(size)
      if (gzipMinLengthBytes === undefined) return NO_SIZE
      draft.latent = { ...draft.latent, gzipMinLengthBytes }
      return undefined
    },
    limit_req: readLimitReq,
    limit_req_status: ({ draft }, { args: [word] }) => {
      const status = parseStatus(word)
      if (status === undefined) return NO_STATUS
      draft.latent = { ...draft.latent, requestRateStatus: status }
      return undefined
    },
    limit_conn: (level, { args: [zone = '', count = ''] }) => {
      const key = level.context.httpLevel.connectionZones.get(zone)
      if (!key) return `names the zone "${zone}", which no limit_conn_zone in conf.d makes`
      if (!/^\d{1,6}$/.test(count)) return 'needs a number of connections'
      const limit = { zone, key, max: Number(count), status: 503 }
      level.draft.connectionLimits = [...ownList(level, 'connectionLimits'), limit]
      return undefined
    },
    limit_conn_status: ({ draft }, { args: [word] }) => {
      const status = parseStatus(word)
      if (status === undefined) return NO_STATUS
      draft.latent = { ...draft.latent, connectionLimitStatus: status }
      return undefined
    },
    limit_rate: ({ draft }, { args: [size = ''] }) => {
      const bytes = parseSize(size)
      if (bytes === undefined) return NO_SIZE
      draft.bytesPerSecond = bytes
      return undefined
    },
    set_real_ip_from: (level, { args: [network = ''] }) => {
      if (!isNetwork(network)) return `has "${network}", which is no address or network`
      const { realIp } = level.draft
      const trusted = [...(level.own.has('realIp') ? (realIp?.trusted ?? []) : []), network]
      level.own.add('realIp')
      level.draft.realIp = { header: 'x-real-ip', recursive: false, ...realIp, trusted }
      return undefined
    },
    real_ip_header: ({ draft }, { args: [header = ''] }) => {
      draft.realIp = { trusted: [], recursive: false, ...draft.realIp, header: header.toLowerCase() }
      return undefined
    },
    real_ip_recursive: flagOf((draft, on) => {
      draft.realIp = { trusted: [], header: 'x-real-ip', ...draft.realIp, recursive: on }
    }),
    expires: ({ draft }, { args: [word = '', more] }) => {
      if (more !== undefined || word.startsWith('@')) return 'takes a time, epoch, max or off here'
      const isNegative = word.startsWith('-')
      const ms = parseTime(isNegative ? word.slice(1) : word)
      if (word === 'epoch' || word === 'max' || word === 'off') draft.expires = word
      else if (ms === undefined) return 'needs a time, epoch, max or off'
      else draft.expires = (isNegative ? -1 : 1) * Math.round(ms / 1_000)
      return undefined
    },
    default_type: ({ draft }, { args: [type = ''] }) => {
      draft.defaultType = type
      return undefined
    },
    access_log: readAccessLog,
    proxy_next_upstream: ({ draft }, { args }) => {
      const known = ['error', 'timeout', 'http_502', 'http_503', 'http_504', 'non_idempotent'] as const
      draft.nextUpstream = args.includes('off') ? [] : known.filter((word) => args.includes(word))
      return undefined
    },
    ssl_protocols: ({ draft, context }, directive) => {
      const old = directive.args.filter((word) => ['SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.1'].includes(word))
      if (old.length > 0) warn(context, directive, `${old.join(', ')} need "tls-policy Mozilla-Old"`)
      draft.tlsMinVersion = directive.args.every((word) => word === 'TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2'
      return undefined
    },
    merge_slashes: flagOf((draft, on) => {
      draft.mergeSlashes = on
    }),
    underscores_in_headers: flagOf((draft, on) => {
      draft.oddHeaders = { ...draft.oddHeaders, underscores: on }
    }),
    ignore_invalid_headers: flagOf((draft, on) => {
      draft.oddHeaders = { ...draft.oddHeaders, others: !on }
    }),
    autoindex: (_level, { args: [word] }) =>
      word === 'off' ? undefined : 'can only be off: folders are not listed',
    auth_request: (_level, { args: [uri] }) =>
      uri === 'off' ? undefined : 'is not supported: what it protects would be open',
  }),
)

const NO_SIZE = 'needs a size, such as 100m, 8k or 0'
const NO_STATUS = 'needs a status from 400 to 599'

function readAccessLog({ draft, own, context }: Level, directive: Directive): undefined {
  const isFirst = !own.has('accessLog')
  own.add('accessLog')
  if (directive.args[0] === 'off') draft.accessLog = 'off'
  // As in nginx, where it stands for all of its level.
  if (draft.accessLog === 'off' && (!isFirst || directive.args[0] === 'off')) return
  const { file, oddities } = parseAccessLog(directive.args)
  draft.accessLog = file
  for (const oddity of oddities) warn(context, directive, `"access_log" ${oddity}`)
  if (!isFirst) warn(context, directive, '"access_log" stands here twice: lines go to the last file only')
  if (!context.hasLogFiles) warnOnce(context, directive, 'site-log names no folder for log files')
}

function readLimitReq(level: Level, { args }: Directive): string | undefined {
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

/** A list as this level has it: the first of its entries drops what was inherited. */
function ownList<
  Key extends
    | 'addHeaders'
    | 'hideHeaders'
    | 'passHeaders'
    | 'errorPages'
    | 'requestRates'
    | 'connectionLimits',
>({ draft, own }: Level, key: Key): LocationSettings[Key] {
  if (own.has(key)) return draft[key]
  own.add(key)
  return [] as unknown as LocationSettings[Key]
}

function time(
  key:
    | 'clientBodyTimeoutMs'
    | 'sendTimeoutMs'
    | 'proxyReadTimeoutMs'
    | 'proxySendTimeoutMs'
    | 'proxyConnectTimeoutMs',
): Read {
  return ({ draft }, { args: [text = ''] }) => {
    const ms = parseTime(text)
    if (ms === undefined || ms === 0) return 'needs a time, such as 60s, 15m or 900'
    draft[key] = ms
    return undefined
  }
}

function flagOf(apply: (draft: Draft, on: boolean) => void): Read {
  return ({ draft }, { args: [word] }) => {
    const on = parseFlag(word)
    if (on === undefined) return 'must be on or off'
    apply(draft, on)
    return undefined
  }
}

function address(action: 'allow' | 'deny'): Read {
  return (level, { args: [network = ''] }) => {
    if (network !== 'all' && network !== 'unix:' && !isNetwork(network)) {
      return `has "${network}", which is no address or network`
    }
    const { access } = level.draft
    const before = level.own.has('addresses') ? access.addresses : []
    level.own.add('addresses')
    const rule = { action, network, fits: createAddressTest(network) }
    level.draft.access = { ...access, addresses: [...before, rule] }
    return undefined
  }
}

function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(name)
}

function isNetwork(text: string): boolean {
  const [host = '', bits, ...rest] = text.split('/')
  const family = isIP(host)
  if (family === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

function parseStatus(word: string | undefined): number | undefined {
  const status = Number(word)
  return Number.isInteger(status) && status >= 400 && status <= 599 ? status : undefined
}
