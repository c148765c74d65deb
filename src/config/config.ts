import type { DatabaseConfig } from './database.ts'
import type { FrontDoorConfig } from './front-door.ts'
import type { LdapConfig } from './ldap.ts'
import type { ListenAddress } from './listen-address.ts'
import type { WebhookConfig } from './webhook.ts'

/** Levels of the log, least output first. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const
/** A level of {@link LOG_LEVELS}. */
type LogLevel = (typeof LOG_LEVELS)[number]

/** The effective configuration: complete, checked and frozen. Flags win over variables, variables over files, files over defaults. */
export interface Config {
  /** Folder of the SQLite database and other files that a server keeps on its own machine. */
  readonly dataDir: string
  readonly database: DatabaseConfig
  /** Folder of `docker/registry/v2`, Distribution's tree of blobs; by default the data folder. */
  readonly registryRoot: string
  /** Plain HTTP; undefined: off. */
  readonly listenHttp: ListenAddress | undefined
  /** TLS; undefined: off. */
  readonly listenHttps: ListenAddress | undefined
  /** Metrics, in plain HTTP; undefined: off. */
  readonly listenMetrics: ListenAddress | undefined
  /** File of the token with which metrics can be read on the registry's own listeners; undefined: they cannot. */
  readonly monitoringTokenFile: string | undefined
  readonly traces: TracesConfig
  readonly tls: TlsFiles | undefined
  /** True if accounts can be used over plain HTTP on an address that is not loopback. */
  readonly insecureHttp: boolean
  /** Scheme and host clients use, without a trailing slash; undefined: taken from each request. */
  readonly publicUrl: string | undefined
  /** Addresses (CIDR) whose `X-Forwarded-*` headers count. */
  readonly trustedProxies: readonly string[]
  readonly audit: AuditConfig
  /** Webhooks of the file of settings. */
  readonly webhooks: readonly WebhookConfig[]
  /** Networks (CIDR) without public addresses that requests to webhooks and issuers may reach. */
  readonly outgoingNetworks: readonly string[]
  /** Answer `Location` without scheme and host. */
  readonly relativeUrls: boolean
  /** Origins of web pages that may use the registry; `*` stands for all. */
  readonly corsOrigins: readonly string[]
  /** Headers added to each of its answers, each as `Name: value`. */
  readonly responseHeaders: readonly string[]
  /** True if tags, manifests and blobs can be deleted over HTTP. */
  readonly deleteEnabled: boolean
  /** True if a manifest may name content the repository does not hold. */
  readonly sparseManifests: boolean
  /** Virtual hosts and certificates; undefined: the registry answers every host. */
  readonly frontDoor: FrontDoorConfig | undefined
  /** Engine whose containers become hosts, and whose images are kept. `auto`: the usual sockets; undefined: off. */
  readonly dockerHost: string | undefined
  /** Further accounts, in Apache's htpasswd format. */
  readonly htpasswdFile: string | undefined
  /** Directory whose persons may log in; undefined: none. */
  readonly ldap: LdapConfig | undefined
  /** File with the password of the first administrator; undefined: one is chosen. */
  readonly adminPasswordFile: string | undefined
  /** File that takes the server out of service while it exists; undefined: none does. */
  readonly healthFile: string | undefined
  /** True if DES and plain-text entries of password files are checked. */
  readonly weakHashes: boolean
  readonly authRealm: string
  /** Life of an access token, in seconds. */
  readonly tokenLifetimeS: number
  /** Age at which an abandoned upload session is removed, in hours. */
  readonly uploadMaxAgeHours: number
  /** True if a server removes what is no longer needed. */
  readonly collect: boolean
  /** Steps of collection a second. */
  readonly collectRate: number
  /** Days for which content that no tag names, and what was deleted, is kept after its last use. */
  readonly keepDays: number
  /** Hours between two runs of retention; 0: only a command runs it. */
  readonly retentionHours: number
  /** Backups that a server makes by itself. */
  readonly backup: BackupConfig
  /** Days between two passes that verify all stored content; 0: only the command does. */
  readonly scrubDays: number
  /** Bytes a second that such a pass reads. */
  readonly scrubRate: number
  /** Days between two searches for files that the database does not name; 0: never. */
  readonly sweepDays: number
  /** Longest wait for requests under way when stopping, in seconds. */
  readonly drainTimeoutS: number
  /** Processes that serve; 1: only the process that was started. */
  readonly workers: number
  /** Largest blob, in bytes; 0: no limit. */
  readonly maxBlobBytes: number
  /** Room of each disk that uploads leave free; undefined: a part of the disk. */
  readonly diskFloor: DiskFloor | undefined
  readonly log: { readonly level: LogLevel; readonly format: 'json' | 'text' | 'logfmt' }
}

/** The audit log. */
interface AuditConfig {
  /** Days for which events are kept; 0: any. */
  readonly days: number
  /** Most MiB of all events. */
  readonly sizeMib: number
  /** True if pulls of manifests are events. */
  readonly hasPulls: boolean
}
/** Backups that a server makes by itself. */
interface BackupConfig {
  /** Folder; undefined: none are made. */
  readonly folder: string | undefined
  /** Hours from the begin of one to the next. */
  readonly everyHours: number
  /** Minutes after midnight, UTC, of the first of a day. */
  readonly atMinutes: number
  /** Complete generations to keep. */
  readonly keep: number
}
/** Traces of requests. */
export interface TracesConfig {
  /** URL of the collector, with its path; undefined: nothing is traced, and none of that code is loaded. */
  readonly endpoint: string | undefined
  /** File with headers for the collector; undefined: it needs none. */
  readonly headersFile: string | undefined
  /** Part of the requests that is traced, 0 to 1. */
  readonly sampleRatio: number
  readonly serviceName: string
}

/** Room of a disk. */
export type DiskFloor = { readonly bytes: number } | { readonly percent: number }

/** A certificate chain and its private key, PEM. */
export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}
