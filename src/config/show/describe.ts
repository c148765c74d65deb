import type { Config } from '../config.ts'
import { formatDatabase, formatListen, MASK } from '../database.ts'
import type { FrontDoorConfig } from '../front-door.ts'
import type { LdapConfig } from '../ldap.ts'
import { ANY_ADDRESS, type ListenAddress } from '../listen-address.ts'
import type { FRONT_DOOR_OPTIONS } from '../options/front-door-options.ts'
import type { LDAP_OPTIONS } from '../options/ldap-options.ts'
import { OPTION_LIST, type OptionName } from '../options/options.ts'
import type { LoadedConfig } from './loaded-config.ts'

/** A setting as `berth config` shows it. */
export interface SettingDescription {
  readonly name: OptionName
  /** Value as written in berth.yaml; null: none. Masked if it is a secret. */
  readonly value: string | number | boolean | readonly string[] | null
  readonly source: string
}

/** The effective value and the source of each setting, in the order of the documentation. */
export function describeConfig({ config, sources }: LoadedConfig): SettingDescription[] {
  return showSettings(config).map(({ name, value }) => ({ name, value, source: sources[name] }))
}

/** The effective value of each setting, with secrets masked. */
export function showSettings(config: Config): Omit<SettingDescription, 'source'>[] {
  const values = { ...toSettings(config), database: formatDatabase(config.database, MASK) }
  return OPTION_LIST.map(({ name, secret }) => ({
    name,
    value: secret && values[name] !== null ? MASK : values[name],
  }))
}

/** An address as written in settings: `host:port`, brackets around IPv6, `off` for none. */
export function formatAddress(address: ListenAddress | undefined): string {
  if (!address) return 'off'
  if (address.path !== undefined) return `unix:${address.path}`
  if (address.host === ANY_ADDRESS) return `:${address.port}`
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/**
 * The effective value of each setting, as written in berth.yaml; null: none. Secrets are not masked, but the password
 * of the database is left out.
 */
export function toSettings(config: Config): Record<OptionName, SettingDescription['value']> {
  return {
    data: config.dataDir,
    'registry-root': config.registryRoot,
    database: formatDatabase(config.database, undefined),
    ...poolSettings(config.database),
    'listen-http': formatAddress(config.listenHttp),
    'listen-https': formatAddress(config.listenHttps),
    'tls-cert': config.tls?.certFile ?? null,
    'tls-key': config.tls?.keyFile ?? null,
    'insecure-http': config.insecureHttp,
    'public-url': config.publicUrl ?? null,
    'trusted-proxies': config.trustedProxies,
    'audit-days': config.audit.days,
    'audit-size': config.audit.sizeMib,
    'audit-pulls': config.audit.hasPulls,
    webhooks: config.webhooks.length === 0 ? null : config.webhooks.map(({ name }) => name),
    'outgoing-networks': config.outgoingNetworks,
    'relative-urls': config.relativeUrls,
    'cors-origins': config.corsOrigins,
    'response-headers': config.responseHeaders,
    'delete-enabled': config.deleteEnabled,
    'sparse-manifests': config.sparseManifests,
    'htpasswd-file': config.htpasswdFile ?? null,
    'admin-password-file': config.adminPasswordFile ?? null,
    'weak-hashes': config.weakHashes,
    ...ldapSettings(config.ldap),
    'auth-realm': config.authRealm,
    'token-lifetime': config.tokenLifetimeS,
    'upload-max-age': config.uploadMaxAgeHours,
    collect: config.collect,
    'collect-rate': config.collectRate,
    'keep-days': config.keepDays,
    'retention-hours': config.retentionHours,
    'backup-to': config.backup.folder ?? null,
    'backup-every': config.backup.everyHours,
    'backup-at': formatTimeOfDay(config.backup.atMinutes),
    'backup-keep': config.backup.keep,
    'scrub-days': config.scrubDays,
    'scrub-rate': config.scrubRate,
    'sweep-days': config.sweepDays,
    'drain-timeout': config.drainTimeoutS,
    'health-file': config.healthFile ?? null,
    workers: config.workers,
    'max-blob-bytes': config.maxBlobBytes,
    'disk-floor': formatFloor(config.diskFloor),
    'listen-metrics': formatAddress(config.listenMetrics),
    'monitoring-token-file': config.monitoringTokenFile ?? null,
    'traces-endpoint': config.traces.endpoint ?? 'off',
    'traces-headers-file': config.traces.headersFile ?? null,
    'traces-sample': config.traces.sampleRatio,
    'traces-service': config.traces.serviceName,
    'log-level': config.log.level,
    'log-format': config.log.format,
    ...frontDoorSettings(config.frontDoor),
    'docker-host': config.dockerHost ?? 'off',
  }
}

function formatTimeOfDay(minutes: number): string {
  return [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0')).join(':')
}

/** SQLite has no password and no pool. */
function poolSettings(
  database: Config['database'],
): Record<'database-password-file' | 'database-pool' | 'database-listen', SettingDescription['value']> {
  const postgres = database.engine === 'postgres' ? database : undefined
  return {
    'database-password-file': postgres?.passwordFile ?? null,
    'database-pool': postgres?.maxConnections ?? null,
    'database-listen': postgres ? formatListen(postgres) : null,
  }
}

/** Settings of the directory; none without a URL. */
function ldapSettings(
  ldap: LdapConfig | undefined,
): Record<keyof typeof LDAP_OPTIONS, SettingDescription['value']> {
  return {
    'ldap-url': ldap?.url ?? 'off',
    'ldap-start-tls': ldap?.isStartTls ?? null,
    'ldap-ca-file': ldap?.caFile ?? null,
    'ldap-bind-dn': ldap?.bindDn ?? null,
    'ldap-bind-password-file': ldap?.bindPasswordFile ?? null,
    'ldap-users': ldap?.userBase ?? null,
    'ldap-user-filter': ldap?.userFilter ?? null,
    'ldap-user-name': ldap?.nameAttribute ?? null,
    'ldap-groups': ldap?.groupBase ?? null,
    'ldap-group-filter': ldap?.groupFilter ?? null,
    'ldap-group-name': ldap?.groupNameAttribute ?? null,
    'ldap-admins': ldap?.adminGroup ?? null,
  }
}

/** Settings of the front door; none without a domain, as then there is no front door. */
function frontDoorSettings(
  door: FrontDoorConfig | undefined,
): Record<Exclude<keyof typeof FRONT_DOOR_OPTIONS, 'docker-host'>, SettingDescription['value']> {
  return {
    domain: door?.domains ?? [],
    certs: door?.certsDir ?? null,
    'vhost-dir': door?.vhostDir ?? null,
    'htpasswd-dir': door?.htpasswdDir ?? null,
    'prefer-ipv6': door?.preferIpv6 ?? null,
    'default-host': door?.defaultHost ?? null,
    'https-method': door?.httpsMethod ?? null,
    'non-get-redirect': door?.nonGetRedirect ?? null,
    hsts: door ? (door.hsts ?? 'off') : null,
    'trust-default-cert': door?.isDefaultTrusted ?? null,
    'http-without-cert': door?.httpWithoutCert ?? null,
    'local-ca': door?.localCa ?? null,
    'tls-policy': door?.tlsPolicy ?? null,
    'external-http-port': door?.externalHttpPort ?? null,
    'external-https-port': door?.externalHttpsPort ?? null,
    'proxy-protocol-from': door?.proxyProtocolFrom ?? [],
    'proxy-protocol': door?.proxyProtocol ?? null,
    'serve-dotfiles': door?.serveDotfiles ?? null,
    'serve-symlinks': door?.serveSymlinks ?? null,
    'site-log': door?.siteLog ?? null,
    'site-log-format': door?.siteLogFormat ?? null,
    acme: door?.acme.scope ?? null,
    'acme-email': door?.acme.email ?? null,
    'acme-directory': door?.acme.directory ?? null,
    'acme-directory-ca': door?.acme.directoryCaFile ?? null,
    'acme-eab-key-id': door?.acme.eab?.keyId ?? null,
    'acme-eab-hmac-key': door?.acme.eab?.hmacKey ?? null,
    'acme-profile': door?.acme.profile ?? null,
    'acme-key-type': door?.acme.keyType ?? null,
    'acme-challenge': door?.acme.challenge ?? null,
    'acme-dns-hook': door?.acme.dnsHook ?? null,
    'acme-dns-server': door?.acme.dnsServer ?? null,
    'acme-dns-key': door?.acme.dnsKey ?? null,
    sites: door?.sites.map(({ host }) => host) ?? [],
  }
}

function formatFloor(floor: Config['diskFloor']): number | string | null {
  if (floor === undefined) return null
  return 'bytes' in floor ? floor.bytes : `${floor.percent}%`
}
