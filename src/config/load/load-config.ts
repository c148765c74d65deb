import path from 'node:path'
import type { Config } from '../config.ts'
import { ConfigError } from '../config-error.ts'
import type { FrontDoorConfig } from '../front-door.ts'
import { ANY_ADDRESS } from '../listen-address.ts'
import type { Option } from '../options/option.ts'
import { OPTIONS, type OptionName, type OptionValue } from '../options/options.ts'
import { isPlainHttpSafe } from '../plain-http.ts'
import type { LoadedConfig } from '../show/loaded-config.ts'
import { type ConfigFile, readBerthFile, readConfigFile } from '../sources/config-file.ts'
import {
  type DistributionSettings,
  readDistributionFile,
  readRegistryVariables,
  toLayer,
} from '../sources/distribution.ts'
import { CONFIG_FILE_VARIABLE, readEnvironment, readReplacedVariables } from '../sources/environment.ts'
import type { Environment, Layer, RawValue, ReadSetting } from '../sources/layer.ts'
import { type RecordedSettings, toRecordedLayer } from '../sources/recorded.ts'
import { describeIssue } from '../values/value-issue.ts'
import { readDatabase, warnOfShownPassword } from './read-database.ts'
import { readLdap } from './read-ldap.ts'

/** Inputs of the configuration. */
export interface ConfigInput {
  /** Values of flags by their names without dashes, and `config`: the file. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly env: Environment
  readonly cwd: string
  /** True if standard output is a terminal: decides the default of `log-format`. */
  readonly isTerminal?: boolean
  /** Settings of the data folder's server, for commands about that server: they win over the defaults only. */
  readonly recorded?: RecordedSettings | undefined
}

/**
 * Builds the configuration: flags over `BERTH_*` over berth.yaml over `REGISTRY_*` over Distribution's config.yml over
 * defaults.
 * Errors: `ConfigError`.
 */
export function loadConfig(input: ConfigInput): LoadedConfig {
  const { layers, warnings } = readLayers(input)
  const sources: Partial<Record<OptionName, string>> = {}
  const isGiven = (name: OptionName) => findFirst(layers, name) !== undefined
  const read: ReadSetting = (name) => {
    const raw = findFirst(layers, name) ?? findDefault(name, input.cwd)
    sources[name] = raw?.source ?? 'default'
    return (raw && parseSetting(name, raw)) as OptionValue<typeof name>
  }
  const config = buildConfig(read, isGiven, input)
  const all = [...warnings, ...warnOfShownPassword(config.database, sources.database)]
  return deepFreeze({ config, sources: sources as Record<OptionName, string>, warnings: all })
}

type IsGiven = (name: OptionName) => boolean

/** The data folder of a configuration, without parsing its other settings. Errors: `ConfigError`. */
export function findDataDir(input: ConfigInput): string {
  const { layers } = readLayers(input)
  return readFolders((name) => {
    const raw = findFirst(layers, name)
    return (raw && parseSetting(name, raw)) as OptionValue<typeof name>
  }, input.cwd).dataDir
}

function readLayers({ flags, env, cwd, recorded = {} }: ConfigInput): {
  layers: Layer[]
  warnings: string[]
} {
  const file = openFile(flags.config ?? env[CONFIG_FILE_VARIABLE], cwd)
  const own = [readFlags(flags, cwd), readEnvironment(env, cwd)]
  if (file?.kind === 'berth') own.push(readBerthFile(file))
  const distribution: DistributionSettings[] = [readRegistryVariables(env, cwd)]
  if (file?.kind === 'distribution') distribution.push(readDistributionFile(file, cwd))
  const hasTls = hasCertificate([...own, ...distribution.map((settings) => toLayer(settings, false))])
  const layers = [...own, ...distribution.map((settings) => toLayer(settings, hasTls))]
  const replaced = readReplacedVariables(env, cwd)
  // Without a domain there is no front door, and these settings do not apply.
  const server = toRecordedLayer(recorded)
  const hasDoor = findFirst([...layers, replaced.layer, server], 'domain') !== undefined
  return {
    layers: [...layers, ...(hasDoor ? [replaced.layer] : []), server],
    warnings: [
      ...distribution.flatMap((settings) => settings.warnings),
      ...(hasDoor ? replaced.warnings : []),
    ],
  }
}

function openFile(file: unknown, cwd: string): ConfigFile | undefined {
  return typeof file === 'string' && file !== '' ? readConfigFile(file, cwd) : undefined
}

function readFlags(flags: ConfigInput['flags'], cwd: string): Layer {
  const given = Object.entries(flags).filter(([name, value]) => name in OPTIONS && value !== undefined)
  return new Map(
    given.map(([name, value]) => [name as OptionName, { value, source: `--${name}`, baseDir: cwd }]),
  )
}

/** True if these layers have both a certificate and its key. */
export function hasCertificate(layers: readonly Layer[]): boolean {
  return findFirst(layers, 'tls-cert') !== undefined && findFirst(layers, 'tls-key') !== undefined
}

function findFirst(layers: readonly Layer[], name: OptionName): RawValue | undefined {
  return layers.find((layer) => layer.has(name))?.get(name)
}

function findDefault(name: OptionName, cwd: string): RawValue | undefined {
  const value = (OPTIONS[name] as Option).default
  return value === undefined ? undefined : { value, source: 'default', baseDir: cwd }
}

function parseSetting<Name extends OptionName>(name: Name, raw: RawValue): OptionValue<Name> {
  const option: Option = OPTIONS[name]
  const result = option.parse.safeParse(raw.value)
  if (!result.success) {
    const what = describeIssue(result.error.issues[0])
    throw new ConfigError(
      'VALUE_INVALID',
      `${raw.source}${what}`,
      `Correct it; the setting is: ${option.help}`,
    )
  }
  const value = option.isPath
    ? path.resolve(raw.baseDir, String(result.data))
    : (option.resolvePaths?.(result.data, raw.baseDir) ?? result.data)
  return value as OptionValue<Name>
}

function buildConfig(read: ReadSetting, isGiven: IsGiven, { cwd, isTerminal }: ConfigInput): Config {
  const listeners = readListeners(read, isGiven)
  const insecureHttp = read('insecure-http')
  return {
    ...readFolders(read, cwd),
    database: readDatabase(read),
    ...listeners,
    listenMetrics: read('listen-metrics'),
    monitoringTokenFile: read('monitoring-token-file'),
    traces: {
      endpoint: read('traces-endpoint'),
      headersFile: read('traces-headers-file'),
      sampleRatio: read('traces-sample'),
      serviceName: read('traces-service'),
    },
    frontDoor: readFrontDoor(read, isGiven, isPlainHttpSafe({ ...listeners, insecureHttp })),
    dockerHost: read('docker-host'),
    insecureHttp,
    publicUrl: read('public-url'),
    trustedProxies: read('trusted-proxies'),
    audit: {
      days: read('audit-days'),
      sizeMib: read('audit-size'),
      hasPulls: read('audit-pulls'),
    },
    webhooks: read('webhooks'),
    outgoingNetworks: read('outgoing-networks'),
    relativeUrls: read('relative-urls'),
    corsOrigins: read('cors-origins'),
    responseHeaders: read('response-headers') ?? [],
    deleteEnabled: read('delete-enabled'),
    sparseManifests: read('sparse-manifests'),
    htpasswdFile: read('htpasswd-file'),
    ldap: readLdap(read),
    adminPasswordFile: read('admin-password-file'),
    healthFile: read('health-file'),
    weakHashes: read('weak-hashes'),
    authRealm: read('auth-realm'),
    tokenLifetimeS: read('token-lifetime'),
    uploadMaxAgeHours: read('upload-max-age'),
    collect: read('collect'),
    collectRate: read('collect-rate'),
    keepDays: read('keep-days'),
    retentionHours: read('retention-hours'),
    backup: {
      folder: read('backup-to'),
      everyHours: read('backup-every'),
      atMinutes: read('backup-at'),
      keep: read('backup-keep'),
    },
    scrubDays: read('scrub-days'),
    scrubRate: read('scrub-rate'),
    sweepDays: read('sweep-days'),
    drainTimeoutS: read('drain-timeout'),
    workers: read('workers'),
    maxBlobBytes: read('max-blob-bytes'),
    diskFloor: read('disk-floor'),
    log: { level: read('log-level'), format: read('log-format') ?? (isTerminal ? 'text' : 'json') },
  }
}

function readFolders(read: ReadSetting, cwd: string): Pick<Config, 'dataDir' | 'registryRoot'> {
  const root = read('registry-root')
  const dataDir =
    read('data') ?? (root === undefined ? path.resolve(cwd, 'berth-data') : path.join(root, 'berth'))
  return { dataDir, registryRoot: root ?? dataDir }
}

/** "Off" and absent are both undefined as values, hence `isGiven`. */
function readListeners(
  read: ReadSetting,
  isGiven: IsGiven,
): Pick<Config, 'listenHttp' | 'listenHttps' | 'tls'> {
  const tls = readTlsFiles(read)
  const hasDoor = isGiven('domain')
  const http = read('listen-http')
  const https = read('listen-https')
  if (https && !tls && !hasDoor) {
    throw conflict(
      'listen-https is given without a certificate',
      'Give tls-cert and tls-key as well, or a domain',
    )
  }
  const defaultHttp = hasDoor ? { host: ANY_ADDRESS, port: 80 } : { host: '127.0.0.1', port: 5000 }
  return {
    tls,
    listenHttps: isGiven('listen-https') || (!tls && !hasDoor) ? https : { host: ANY_ADDRESS, port: 443 },
    listenHttp: isGiven('listen-http') || (tls && !hasDoor) ? http : defaultHttp,
  }
}

/** Settings that need a domain: without one the registry answers every host. */
const NEEDS_DOMAIN = ['sites', 'vhost-dir', 'htpasswd-dir', 'certs'] as const

function readFrontDoor(
  read: ReadSetting,
  isGiven: IsGiven,
  isPlainSafe: boolean,
): FrontDoorConfig | undefined {
  const httpsMethod = read('https-method')
  const isPlain = httpsMethod === 'noredirect' || httpsMethod === 'nohttps'
  const settings = {
    certsDir: read('certs'),
    vhostDir: read('vhost-dir'),
    htpasswdDir: read('htpasswd-dir'),
    dockerHost: read('docker-host'),
    preferIpv6: read('prefer-ipv6'),
    defaultHost: read('default-host'),
    httpsMethod,
    registryHttpsMethod: isPlain && !isPlainSafe ? ('redirect' as const) : httpsMethod,
    nonGetRedirect: read('non-get-redirect'),
    hsts: read('hsts'),
    isDefaultTrusted: read('trust-default-cert'),
    httpWithoutCert: read('http-without-cert'),
    // Without any CA hosts behave as with nginx-proxy: those without a certificate are served by plain HTTP.
    localCa: read('local-ca') ?? (read('acme') === 'off' ? 'registry' : 'all'),
    tlsPolicy: read('tls-policy'),
    externalHttpPort: read('external-http-port'),
    externalHttpsPort: read('external-https-port'),
    proxyProtocolFrom: read('proxy-protocol-from'),
    proxyProtocol: read('proxy-protocol'),
    serveDotfiles: read('serve-dotfiles'),
    serveSymlinks: read('serve-symlinks'),
    siteLog: read('site-log'),
    siteLogFormat: read('site-log-format'),
    acme: readAcme(read),
    sites: read('sites') ?? [],
  }
  const domains = read('domain') ?? []
  if (domains.length > 0) return { domains, ...settings }
  const lonely = NEEDS_DOMAIN.find((name) => isGiven(name))
  if (lonely === undefined) return undefined
  throw conflict(
    `${lonely} is given without a domain`,
    "Give the registry's own name, such as --domain registry.example.com",
  )
}

function readAcme(read: ReadSetting): FrontDoorConfig['acme'] {
  const keyId = read('acme-eab-key-id')
  const hmacKey = read('acme-eab-hmac-key')
  if ((keyId === undefined) !== (hmacKey === undefined)) {
    throw conflict(
      'Only one of acme-eab-key-id and acme-eab-hmac-key is given',
      'Give both, as the CA issued them',
    )
  }
  return {
    scope: read('acme'),
    email: read('acme-email'),
    directory: read('acme-directory'),
    directoryCaFile: read('acme-directory-ca'),
    eab: keyId !== undefined && hmacKey !== undefined ? { keyId, hmacKey } : undefined,
    profile: read('acme-profile'),
    keyType: read('acme-key-type'),
    challenge: read('acme-challenge'),
    dnsHook: read('acme-dns-hook'),
    dnsServer: read('acme-dns-server'),
    dnsKey: read('acme-dns-key'),
  }
}

function readTlsFiles(read: ReadSetting): Config['tls'] {
  const certFile = read('tls-cert')
  const keyFile = read('tls-key')
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile }
  if (certFile === undefined && keyFile === undefined) return undefined
  const [given, missing] = certFile === undefined ? ['tls-key', 'tls-cert'] : ['tls-cert', 'tls-key']
  throw conflict(
    `${given} is given without ${missing}`,
    'Give both the certificate chain and its private key',
  )
}

function conflict(message: string, remedy: string): ConfigError {
  return new ConfigError('VALUES_CONFLICT', message, remedy)
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner)
  }
  return Object.freeze(value)
}
