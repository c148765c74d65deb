import type { z } from 'zod'
import { LOG_LEVELS } from '../config.ts'
import { diskFloor } from '../values/disk-floor.ts'
import {
  corsOrigins,
  headerLines,
  readDistributionHeaders,
  readDistributionOrigins,
} from '../values/headers.ts'
import {
  flag,
  listenAddress,
  networks,
  origin,
  parseGoDuration,
  privateListenAddress,
  realm,
  text,
  wholeNumber,
  word,
} from '../values/values.ts'
import { AUDIT_OPTIONS } from './audit-options.ts'
import { BACKUP_OPTIONS } from './backup-options.ts'
import { DATABASE_OPTIONS } from './database-options.ts'
import { FRONT_DOOR_OPTIONS } from './front-door-options.ts'
import { LDAP_OPTIONS } from './ldap-options.ts'
import type { Option } from './option.ts'
import { PROCESS_OPTIONS } from './process-options.ts'
import { TRACE_OPTIONS } from './trace-options.ts'
import { UPKEEP_OPTIONS } from './upkeep-options.ts'

/** Turns a port alone into that port on all addresses. */
function toAnyAddress(port: string): string | undefined {
  return /^\d{1,5}$/.test(port) ? `:${port}` : undefined
}

/**
 * All settings. The name is the flag (`--data`), the key in berth.yaml (`data`) and, in capitals with underscores, the
 * variable (`BERTH_DATA`). Help, docs/configuration.md and `berth config` follow this order.
 */
export const OPTIONS = {
  data: {
    value: 'DIR',
    help: 'folder of the database and the keys',
    example: '/var/lib/berth',
    otherwise: './berth-data, or berth/ in the registry-root where that is given',
    parse: text,
    isPath: true,
  },
  'registry-root': {
    value: 'DIR',
    help: "folder of the blobs, in Distribution's layout (docker/registry/v2)",
    example: '/srv/registry',
    otherwise: 'the data folder',
    parse: text,
    isPath: true,
    distribution: { key: 'storage.filesystem.rootdirectory' },
  },
  ...DATABASE_OPTIONS,
  'listen-http': {
    value: 'ADDR',
    help: 'address for plain HTTP: host:port, :port, [::1]:port, unix:/path or off',
    example: '127.0.0.1:8080',
    otherwise: '127.0.0.1:5000; off with a certificate; :80 with a domain',
    parse: listenAddress,
    replaces: 'HTTP_PORT',
    readReplaced: toAnyAddress,
    distribution: { key: 'http.addr', when: 'plain' },
  },
  'listen-https': {
    value: 'ADDR',
    help: 'address for TLS: host:port, :port, [::1]:port, unix:/path or off',
    example: "':443'",
    otherwise: 'off; :443 with a certificate or a domain',
    parse: listenAddress,
    replaces: 'HTTPS_PORT',
    readReplaced: toAnyAddress,
    distribution: { key: 'http.addr', when: 'tls' },
  },
  'tls-cert': {
    value: 'FILE',
    help: 'certificate chain, PEM, own certificate first; read again when it or its key changes',
    example: '/etc/berth/registry.example.com.crt',
    otherwise: 'none',
    parse: text,
    isPath: true,
    distribution: { key: 'http.tls.certificate' },
  },
  'tls-key': {
    value: 'FILE',
    help: 'private key of the certificate, PEM',
    example: '/etc/berth/registry.example.com.key',
    otherwise: 'none',
    parse: text,
    isPath: true,
    distribution: { key: 'http.tls.key' },
  },
  'insecure-http': {
    value: 'BOOL',
    help: 'accept passwords over plain HTTP on addresses other than loopback: only behind a TLS proxy',
    example: 'true',
    default: 'false',
    parse: flag,
  },
  'public-url': {
    value: 'URL',
    help: 'scheme and host that clients use, such as https://registry.example.com',
    example: 'https://registry.example.com',
    otherwise: 'taken from each request',
    parse: origin,
    distribution: { key: 'http.host' },
  },
  'trusted-proxies': {
    value: 'LIST',
    help: 'addresses and networks whose X-Forwarded-* or Forwarded headers count, separated by commas',
    example: '[127.0.0.1, 10.0.0.0/8]',
    default: '',
    otherwise: 'none; of a proxy on the same machine scheme, host and port count',
    parse: networks,
  },
  'outgoing-networks': {
    value: 'LIST',
    help: 'private addresses and networks that requests of Berth to webhooks and issuers of tokens may reach, separated by commas. See docs/webhooks.md',
    example: '[10.20.0.0/16, 127.0.0.1]',
    default: '',
    otherwise: 'none: only public addresses',
    parse: networks,
  },
  'relative-urls': {
    value: 'BOOL',
    help: 'answer Location headers without scheme and host',
    example: 'false',
    default: 'true',
    parse: flag,
    distribution: { key: 'http.relativeurls' },
  },
  'cors-origins': {
    value: 'LIST',
    help: 'origins of web pages that may use the registry, such as a registry browser, separated by commas; * for all, without credentials',
    example: '[https://ui.example.com]',
    default: '',
    otherwise: 'none',
    parse: corsOrigins,
    distribution: { key: 'http.headers', read: readDistributionOrigins },
  },
  'response-headers': {
    value: 'LIST',
    help: 'headers added to each answer of the registry',
    example: '["Strict-Transport-Security: max-age=63072000"]',
    otherwise: 'none',
    parse: headerLines,
    isFileOnly: true,
    distribution: { key: 'http.headers', read: readDistributionHeaders },
  },
  'delete-enabled': {
    value: 'BOOL',
    help: 'let clients delete tags, manifests and blobs',
    example: 'false',
    default: 'true',
    parse: flag,
    distribution: { key: 'storage.delete.enabled' },
  },
  'sparse-manifests': {
    value: 'BOOL',
    help: 'accept a manifest that names content that its repository does not have',
    example: 'true',
    default: 'false',
    parse: flag,
    distribution: { key: 'validation.manifests.indexes.platforms', read: readPlatforms },
  },
  'htpasswd-file': {
    value: 'FILE',
    help: 'further accounts, htpasswd format, read again when it changes',
    example: '/etc/berth/users.htpasswd',
    otherwise: 'none',
    parse: text,
    isPath: true,
    distribution: { key: 'auth.htpasswd.path' },
  },
  'admin-password-file': {
    value: 'FILE',
    help: 'file with the password of the administrator that the first start makes; not read once there are accounts',
    example: '/run/secrets/admin-password',
    otherwise: 'none: Berth chooses one',
    parse: text,
    isPath: true,
  },
  'weak-hashes': {
    value: 'BOOL',
    help: 'also check DES and plain-text entries of password files, which can be guessed at once',
    example: 'true',
    default: 'false',
    parse: flag,
  },
  ...LDAP_OPTIONS,
  'auth-realm': {
    value: 'TEXT',
    help: 'realm of the Basic challenge',
    example: 'Our registry',
    default: 'Berth',
    parse: realm,
    distribution: { key: 'auth.htpasswd.realm' },
  },
  'token-lifetime': {
    value: 'SECONDS',
    help: 'life of an access token, 60 to 3600 seconds',
    example: '600',
    default: '300',
    parse: wholeNumber(60, 3600),
  },
  'upload-max-age': {
    value: 'HOURS',
    help: 'age at which an abandoned upload is removed, in hours, up to a year',
    example: '24',
    default: '168',
    parse: wholeNumber(1, 8784),
    distribution: { key: 'storage.maintenance.uploadpurging.age', read: readPurgeAge },
  },
  ...UPKEEP_OPTIONS,
  ...AUDIT_OPTIONS,
  ...BACKUP_OPTIONS,
  ...PROCESS_OPTIONS,
  'max-blob-bytes': {
    value: 'BYTES',
    help: 'size of the largest blob accepted; 0: no limit',
    example: '10737418240',
    default: '0',
    parse: wholeNumber(0, Number.MAX_SAFE_INTEGER),
  },
  'disk-floor': {
    value: 'SIZE',
    help: 'room of the disk that uploads leave free: bytes, such as 500MB or 2GiB, or a part, such as 5%; 0: none',
    example: '2GiB',
    otherwise: 'a twentieth of the disk, at most 1 GiB',
    parse: diskFloor,
  },
  'listen-metrics': {
    value: 'ADDR',
    help: 'address for /metrics, which Prometheus reads: a port of this machine, host:port, :port, [::1]:port, unix:/path or off. See docs/metrics.md',
    example: '9095',
    otherwise: 'off',
    parse: privateListenAddress,
    distribution: { key: 'http.debug.addr' },
  },
  'monitoring-token-file': {
    value: 'FILE',
    help: 'file with a token of at least 32 characters; who sends it as bearer token reads /metrics and the details of /readyz on the registry. See docs/metrics.md',
    example: '/run/secrets/berth-monitoring-token',
    otherwise: 'none: the registry has no /metrics',
    parse: text,
    isPath: true,
  },
  ...TRACE_OPTIONS,
  'log-level': {
    value: 'LEVEL',
    help: 'error, warn, info or debug',
    example: 'debug',
    default: 'info',
    parse: word(LOG_LEVELS),
    distribution: { key: 'log.level', read: readLevel },
  },
  'log-format': {
    value: 'FORMAT',
    help: 'json or logfmt (a line each, for programs), or text',
    example: 'text',
    otherwise: 'text on a terminal, else json',
    parse: word(['json', 'text', 'logfmt']),
    distribution: { key: 'log.formatter', read: (value) => (value === 'logstash' ? undefined : value) },
  },
  ...FRONT_DOOR_OPTIONS,
} as const satisfies Record<string, Option>

/** The name of a setting. */
export type OptionName = keyof typeof OPTIONS

/** Value of a setting: undefined if it is not set and has no fixed default. */
export type OptionValue<Name extends OptionName> =
  | z.output<(typeof OPTIONS)[Name]['parse']>
  | ((typeof OPTIONS)[Name] extends { default: string } ? never : undefined)

/** The settings with their names, as plain entries. */
export const OPTION_LIST: readonly (Option & { readonly name: OptionName })[] = Object.entries(OPTIONS).map(
  ([name, option]) => ({ name: name as OptionName, ...(option as Option) }),
)

/** The variable of a setting, such as `BERTH_LISTEN_HTTP`. */
export function variableOf(name: string): string {
  return `BERTH_${name.toUpperCase().replaceAll('-', '_')}`
}

/** The variable of a key of Distribution's configuration, such as `REGISTRY_HTTP_ADDR`. */
export function registryVariableOf(key: string): string {
  return `REGISTRY_${key.toUpperCase().replaceAll('.', '_')}`
}

function readPlatforms(value: unknown): unknown {
  return value === 'all' ? false : value === 'none' ? true : undefined
}

function readPurgeAge(value: unknown): unknown {
  const seconds = parseGoDuration(value)
  return seconds === undefined ? undefined : Math.max(1, Math.ceil(seconds / 3600))
}

/** The level names of logrus, which Distribution uses; it has more levels. */
function readLevel(value: unknown): unknown {
  const ours: Readonly<Record<string, string>> = {
    panic: 'error',
    fatal: 'error',
    error: 'error',
    warn: 'warn',
    warning: 'warn',
    info: 'info',
    debug: 'debug',
    trace: 'debug',
  }
  return typeof value === 'string' ? ours[value.toLowerCase()] : undefined
}
