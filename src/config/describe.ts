import type { Config, ListenAddress } from './config.ts'
import type { LoadedConfig } from './load-config.ts'
import { OPTION_LIST, type OptionName } from './options.ts'

/** A setting as `berth config` shows it. */
export interface SettingDescription {
  readonly name: OptionName
  /** As it would be written in berth.yaml; null: none. Masked if it is a secret. */
  readonly value: string | number | boolean | readonly string[] | null
  readonly source: string
}

/** What a secret is shown as. */
export const MASK = '********'

/** The effective value and the source of each setting, in the order of the documentation. */
export function describeConfig({ config, sources }: LoadedConfig): SettingDescription[] {
  const values = settingsOf(config)
  return OPTION_LIST.map(({ name, secret }) => ({
    name,
    value: secret && values[name] !== null ? MASK : values[name],
    source: sources[name],
  }))
}

/** An address as it is written: `host:port`, brackets around IPv6, `off` for none. */
export function formatAddress(address: ListenAddress | undefined): string {
  if (!address) return 'off'
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

function settingsOf(config: Config): Record<OptionName, SettingDescription['value']> {
  return {
    data: config.dataDir,
    'registry-root': config.registryRoot,
    'listen-http': formatAddress(config.listenHttp),
    'listen-https': formatAddress(config.listenHttps),
    'tls-cert': config.tls?.certFile ?? null,
    'tls-key': config.tls?.keyFile ?? null,
    'insecure-http': config.insecureHttp,
    'public-url': config.publicUrl ?? null,
    'trusted-proxies': config.trustedProxies,
    'relative-urls': config.relativeUrls,
    'delete-enabled': config.deleteEnabled,
    'sparse-manifests': config.sparseManifests,
    'htpasswd-file': config.htpasswdFile ?? null,
    'auth-realm': config.authRealm,
    'token-lifetime': config.tokenLifetimeS,
    'upload-max-age': config.uploadMaxAgeHours,
    'drain-timeout': config.drainTimeoutS,
    'max-blob-bytes': config.maxBlobBytes,
    'log-level': config.log.level,
    'log-format': config.log.format,
  }
}
