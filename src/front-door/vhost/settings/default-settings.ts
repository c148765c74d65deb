import type { LocationSettings } from './settings.ts'

/** Default of the largest body of a site, in bytes: nginx's own 1m. */
const SITE_MAX_BODY_BYTES = 1_048_576

/** Defaults without any vhost file: nginx's own, but for the registry's bodies. */
export function defaultSettings(options: { isRegistry: boolean }): LocationSettings {
  return {
    maxBodyBytes: options.isRegistry ? 0 : SITE_MAX_BODY_BYTES,
    maxBodyPlace: undefined,
    clientBodyTimeoutMs: 60_000,
    sendTimeoutMs: 60_000,
    proxyReadTimeoutMs: 60_000,
    proxySendTimeoutMs: 60_000,
    proxyConnectTimeoutMs: 60_000,
    addHeaders: [],
    hideHeaders: [],
    passHeaders: [],
    setHeaders: undefined,
    access: { addresses: [], basic: undefined, satisfy: 'all' },
    limitExcept: undefined,
    proxyRedirect: 'default',
    proxySsl: { verify: false, serverName: false, name: undefined },
    errorPages: [],
    interceptErrors: false,
    recursiveErrorPages: false,
    gzip: undefined,
    requestRates: [],
    connectionLimits: [],
    bytesPerSecond: 0,
    realIp: undefined,
    expires: undefined,
    defaultType: 'application/octet-stream',
    accessLog: undefined,
    nextUpstream: ['error', 'timeout'],
    tlsMinVersion: undefined,
    mergeSlashes: true,
    oddHeaders: { underscores: false, others: false },
    latent: {
      gzipTypes: ['text/html'],
      gzipMinLengthBytes: 20,
      requestRateStatus: 503,
      connectionLimitStatus: 503,
    },
  }
}
