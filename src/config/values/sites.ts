import nodePath from 'node:path'
import type { ZodType } from 'zod'
import {
  ACCESS,
  BALANCES,
  CLIENT_CERTIFICATES,
  HTTPS_METHODS,
  type SiteConfig,
  TLS_POLICIES,
  type UpstreamUrl,
} from '../site.ts'
import { flag, hostPattern, text } from './values.ts'
import { z } from './zod.ts'

/** Most hosts in one file: each costs some KiB, and a table of this many still fits the smallest machine. */
const MAX_SITES = 10_000
/** Most servers of one path: more should have a balancer of their own. */
const MAX_SERVERS = 256
/** Most paths of one host. */
const MAX_PATHS = 256

const PORTS: Readonly<Record<UpstreamUrl['protocol'], number>> = {
  http: 80,
  https: 443,
  h2c: 80,
  grpc: 80,
  grpcs: 443,
}

const upstreamUrl = z.string('must be a URL').transform((value, context): UpstreamUrl => {
  const match = /^(https?|h2c|grpcs?):\/\/([^/?#@]+)\/?$/.exec(value)
  const url = match && URL.parse(`http://${match[2]}`)
  if (match && url) {
    const protocol = match[1] as UpstreamUrl['protocol']
    // The parser drops port 80, the default of the scheme it was given; it may have been written for another one.
    const written = /:(\d{1,5})$/.exec(match[2] ?? '')?.[1]
    return {
      protocol,
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(written ?? PORTS[protocol]),
    }
  }
  context.addIssue('must be a server without a path, such as http://10.0.0.5:8080')
  return z.NEVER
})

const upstreams = z
  .union([upstreamUrl.transform((one) => [one]), z.array(upstreamUrl).min(1).max(MAX_SERVERS)])
  .refine(
    (servers) => new Set(servers.map(({ protocol }) => protocol)).size === 1,
    'must all speak the same protocol',
  )

const PATH_FIELDS = {
  upstream: upstreams.optional(),
  files: text.optional(),
  destination: z.string().max(1024).optional(),
  balance: z.enum(BALANCES).default('round-robin'),
}

const sitePath = z.strictObject(PATH_FIELDS)

const location = z
  .string()
  .regex(/^(?:(?:=|\^~|~\*?) ?)?[^\s{};]{1,1024}$/, 'must be an nginx location, such as /api/ or = /x')

const site = z
  .strictObject({
    ...PATH_FIELDS,
    paths: z.record(location, sitePath).default({}),
    https: z.enum(HTTPS_METHODS).optional(),
    hsts: z
      .string()
      .regex(/^[\x20-\x7e]{1,200}$/)
      .optional(),
    certificate: text.optional(),
    access: z.enum(ACCESS).default('external'),
    'trust-default-cert': flag.optional(),
    'http-without-cert': flag.optional(),
    'client-certificates': z.enum(CLIENT_CERTIFICATES).optional(),
    'tls-policy': z.enum(TLS_POLICIES).optional(),
    http2: flag.default(true),
    acme: flag.default(true),
  })
  .transform((raw, context): Omit<SiteConfig, 'host'> => {
    const { paths, https, hsts, certificate, access, http2, acme, ...root } = raw
    const all = Object.entries(paths).map(([path, what]) => ({ path, ...what }))
    if (root.upstream || root.files !== undefined) all.unshift({ path: '/', ...root })
    const faulty = all.find((each) => (each.upstream === undefined) === (each.files === undefined))
    if (faulty) context.addIssue(`the path ${faulty.path} needs either "upstream" or "files"`)
    if (all.length === 0) context.addIssue('needs "upstream" or "files", or "paths" with one of them each')
    if (all.length > MAX_PATHS) context.addIssue(`may have at most ${MAX_PATHS} paths`)
    return {
      paths: all.map((each) => ({
        path: each.path,
        upstreams: each.upstream ?? [],
        files: each.files,
        destination: each.destination,
        balance: each.balance,
      })),
      https,
      hsts,
      certificate,
      isDefaultTrusted: raw['trust-default-cert'],
      httpWithoutCert: raw['http-without-cert'],
      clientCertificates: raw['client-certificates'],
      access,
      tlsPolicy: raw['tls-policy'],
      http2,
      acme,
    }
  })

/** The `sites` key: a mapping from host to its targets. */
export const sites: ZodType<readonly SiteConfig[]> = z
  .record(z.string(), site, 'must be a mapping from host to "upstream" or "files"')
  .transform((record, context) => {
    const entries = Object.entries(record)
    if (entries.length > MAX_SITES) context.addIssue(`may name at most ${MAX_SITES} hosts`)
    return entries.map(([name, rest]) => {
      const host = hostPattern.safeParse(name)
      if (!host.success) context.addIssue(`has the host "${name.slice(0, 80)}", which is no host name`)
      return { host: host.data ?? name, ...rest }
    })
  })

/** The sites with the folders of their files made absolute. */
export function resolveSiteFiles(declared: readonly SiteConfig[], baseDir: string): SiteConfig[] {
  return declared.map((each) => ({
    ...each,
    paths: each.paths.map((what) => ({
      ...what,
      files: what.files === undefined ? undefined : nodePath.resolve(baseDir, what.files),
    })),
  }))
}
