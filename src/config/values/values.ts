import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { domainToASCII } from 'node:url'
import type { ZodType } from 'zod'
import { ANY_ADDRESS, type ListenAddress } from '../listen-address.ts'
import { z } from './zod.ts'

const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/
/** Longest list in one option: real lists of proxies are shorter, and each entry is checked for each request. */
const MAX_LIST_LENGTH = 256

/** Text that is not empty and has no control characters. */
export const text = z
  .string('must be text')
  .min(1, 'must not be empty')
  .max(4096, 'is too long')
  .regex(/^\P{Cc}*$/u, 'must not have control characters')

/** `true` or `false`; variables may also say yes, no, on, off, 1, 0. */
export const flag = z.union(
  [
    z.boolean(),
    z.stringbool({ truthy: ['true', 'yes', 'on', '1'], falsy: ['false', 'no', 'off', '0'] }),
    z.literal(1).transform(() => true),
    z.literal(0).transform(() => false),
  ],
  'must be true or false',
)

/** A whole number within inclusive bounds, as a number or its decimal digits. */
export function wholeNumber(min: number, max: number): ZodType<number> {
  const message = `must be a whole number from ${min} to ${max}`
  const digits = z
    .string()
    .regex(/^\d{1,16}$/, message)
    .transform(Number)
  return z
    .union([z.number(), digits], message)
    .refine((n) => Number.isSafeInteger(n) && n >= min && n <= max, message)
}

/** A time of day such as `02:30`, as minutes from midnight on. */
export const timeOfDay: ZodType<number> = z
  .string('must be a time such as 02:30, in quotes')
  .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 02:30')
  .transform((time) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3)))

/** Most processes that serve: each takes some 45 MB of its own beside the program's. */
const MAX_WORKERS = 64

/** A number of processes; `auto` is the number of cores that the system allows. */
export const workerCount: ZodType<number> = z.union(
  [
    z.literal('auto').transform(() => Math.min(availableParallelism(), MAX_WORKERS)),
    wholeNumber(1, MAX_WORKERS),
  ],
  `must be auto or a whole number from 1 to ${MAX_WORKERS}`,
)

/** One of a few words. */
export function word<const Words extends readonly [string, ...string[]]>(
  words: Words,
): ZodType<Words[number]> {
  return z.enum(words, `must be one of ${words.join(', ')}`)
}

/** The status of a redirect, a number in YAML. */
export const redirectStatus: ZodType<301 | 302 | 307 | 308> = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(z.enum(['301', '302', '307', '308'], 'must be one of 301, 302, 307, 308'))
  .transform((status) => Number(status) as 301 | 302 | 307 | 308)

/**
 * Address of a listener: `host:port`, `:port` (all addresses), `[::1]:port`, `unix:/path`, or `off`, which becomes
 * undefined.
 */
export const listenAddress: ZodType<ListenAddress | undefined> = z
  .union(
    [z.string(), z.literal(false).transform(() => 'off')],
    'must be host:port, :port, [::1]:port, unix:/path (at most 100 characters, as the system takes no long ones) or off',
  )
  .transform((value, context) => {
    if (value === 'off') return undefined
    const address = parseAddress(value)
    if (address) return address
    context.addIssue(
      'must be host:port, :port, [::1]:port, unix:/path (at most 100 characters, as the system takes no long ones) or off',
    )
    return z.NEVER
  })

/** The same for a listener that strangers must not reach: a port alone is that port of this machine's own address. */
export const privateListenAddress: ZodType<ListenAddress | undefined> = z.preprocess(
  (value) => (/^\d{1,5}$/.test(String(value)) ? `127.0.0.1:${value}` : value),
  listenAddress,
)

/** An address as it is written; undefined if it is none. */
export function parseAddress(value: string): ListenAddress | undefined {
  if (/^unix:\/.{1,100}$/.test(value)) return { path: value.slice('unix:'.length) }
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(value.trim())
  const port = Number(match?.[3])
  if (!match || port > 65535) return undefined
  const [, bracketed, plain = ''] = match
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed, port } : undefined
  if (plain === '' || plain === '*') return { host: ANY_ADDRESS, port }
  return isIP(plain) === 4 || isHostName(plain) ? { host: plain, port } : undefined
}

function isHostName(host: string): boolean {
  // A name that ends in digits only is an IPv4 address to some programs, a name to others.
  return host.length <= 253 && HOST_NAME.test(host) && !/(?:^|\.)\d+$/.test(host)
}

/** Scheme, host and port of a URL, without a path; the trailing slash is dropped. */
export const origin: ZodType<string> = z.string('must be a URL').transform((value, context) => {
  const url = URL.parse(value)
  const isOrigin = url && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.search && !url.hash
  if (isOrigin && !url.username && !url.password) return url.origin
  context.addIssue(
    'must be http:// or https:// with host and port only, such as https://registry.example.com',
  )
  return z.NEVER
})

/** Addresses and networks, as a list or separated by commas: `10.0.0.0/8, ::1`. A single address gets its full length. */
export const networks: ZodType<readonly string[]> = z
  .union([z.string().transform((list) => list.split(',')), z.array(z.string())], 'must be a list of networks')
  .transform((list, context) => {
    const entries = list.map((entry) => entry.trim()).filter((entry) => entry !== '')
    if (entries.length > MAX_LIST_LENGTH) context.addIssue(`must hold at most ${MAX_LIST_LENGTH} networks`)
    const parsed = entries.map(parseNetwork)
    if (parsed.includes(undefined)) {
      context.addIssue('must be addresses or networks such as 10.0.0.0/8 or ::1, separated by commas')
    }
    return parsed.filter((network) => network !== undefined)
  })

function parseNetwork(entry: string): string | undefined {
  const [address = '', length, ...rest] = entry.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0 || address.includes('%')) return undefined
  const bits = family === 4 ? 32 : 128
  if (length === undefined) return `${address}/${bits}`
  return /^\d{1,3}$/.test(length) && Number(length) <= bits ? `${address}/${Number(length)}` : undefined
}

/** Host names, as a list or separated by commas, lower case and in ASCII. */
export const hostNames: ZodType<readonly string[]> = z
  .union(
    [z.string().transform((list) => list.split(',')), z.array(z.string())],
    'must be a list of host names',
  )
  .transform((list, context) => {
    const names = list.map((name) => name.trim()).filter((name) => name !== '')
    if (names.length > MAX_LIST_LENGTH) context.addIssue(`must hold at most ${MAX_LIST_LENGTH} names`)
    const ascii = names.map((name) => domainToASCII(name.replace(/\.$/, '')))
    const bad = names.find((_name, index) => !isHostName(ascii[index] ?? ''))
    if (bad !== undefined) context.addIssue(`has "${bad.slice(0, 80)}", which is no host name`)
    return [...new Set(ascii)]
  })

/** A host as in nginx: a name, `*.name`, `name.*`, or `~` and a regular expression. */
export const hostPattern: ZodType<string> = z.string('must be a host name').transform((value, context) => {
  if (value.startsWith('~') && value.length > 1 && value.length <= 512) return value
  const [, before = '', name = '', after = ''] = /^(\*\.)?(.*?)(\.\*)?$/.exec(value.trim()) ?? []
  const ascii = domainToASCII(name.replace(/\.$/, ''))
  // Underscores too, as in the names of containers' hosts: applications in private networks have them.
  if (isHostName(ascii.replaceAll('_', 'x')) || isIP(name) !== 0)
    return `${before}${isIP(name) ? name : ascii}${after}`
  context.addIssue('must be a host name, *.name, name.* or ~regex')
  return z.NEVER
})

/** Address of a Docker engine; `off` becomes undefined. */
export const dockerHost: ZodType<string | undefined> = z.union(
  [
    z.literal('off').transform(() => undefined),
    z.literal(false).transform(() => undefined),
    // A user and password in it would have no effect, and would show in messages and in the server's record.
    z.string().regex(/^(?:auto|unix:\/\/\/.{1,100}|(?:tcp|https?):\/\/[^/\s@]+\/?)$/),
  ],
  'must be unix:///path, tcp://host:port, auto or off',
)

/** The value of a header; `off` becomes undefined. */
export const header: ZodType<string | undefined> = z
  .string('must be text')
  .regex(/^[\x20-\x7e]{1,500}$/, 'must be 1 to 500 printable ASCII characters')
  .transform((value) => (value === 'off' ? undefined : value))

/** An `https:` URL. */
export const httpsUrl: ZodType<string> = z.string('must be a URL').refine((value) => {
  const url = URL.parse(value)
  return url?.protocol === 'https:' && !url.username && !url.password
}, 'must be an https:// URL')

/** The realm of a challenge: it is quoted in a header. */
export const realm: ZodType<string> = z
  .string('must be text')
  .regex(/^[ !#-[\]-~]{1,128}$/, 'must be 1 to 128 printable ASCII characters without " and \\')

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
}

/** Seconds of a duration in Go's form, such as `1h30m` or `10s`; undefined if it is none. */
export function parseGoDuration(value: unknown): number | undefined {
  if (value === 0 || value === '0') return 0
  if (typeof value !== 'string' || !/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(value)) return undefined
  const parts = value.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)
  return [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_SECONDS[unit ?? ''] ?? 0), 0)
}
