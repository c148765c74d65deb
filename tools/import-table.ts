/** What the sources of one folder of `src/` may import, beside their own folder. */
export interface ImportRule {
  /** First path segment below `src/`; a file at the top counts as a folder of its name. */
  readonly folder: string
  /** Folders (`oci`), single port files (`blobs/blob-store.ts`), or `*` for everything. */
  readonly may: readonly string[]
  /** Packages and built-in modules that must not appear, with what lies below them. */
  readonly never: readonly string[]
}

const FILE_SYSTEM = ['node:fs']
const NETWORK = ['node:http', 'node:https', 'node:http2', 'node:net', 'node:tls', 'node:dgram', 'fastify']
const SQL = ['node:sqlite', 'kysely']

/** Port files: the part of a folder with adapters that others may import. */
/** Links of Distribution beside the blobs, and the facts made from them. */
const LINK_PORT = 'blobs/link-tree.ts'
const LINK_FACTS = ['metadata/adopt-facts.ts', 'metadata/leave-facts.ts']
const BLOB_PORT = 'blobs/blob-store.ts'
const METADATA_PORT = [
  'metadata/metadata.ts',
  'metadata/restore-facts.ts',
  'metadata/collection-facts.ts',
  'metadata/policy-facts.ts',
  'metadata/in-use-facts.ts',
  'metadata/retention-facts.ts',
  'metadata/scrub-facts.ts',
  'metadata/pass-facts.ts',
  'metadata/switch-facts.ts',
  'metadata/backup-facts.ts',
  'metadata/size-facts.ts',
]
/** What records an event, and where an act comes from. */
const EVENTS_PORT = ['events/record-event.ts', 'events/event.ts', 'events/origin.ts']
const DATABASE_PORT = ['database/database.ts', 'database/migrations.ts', 'database/kysely.ts']

/** The part of the front door that a host behind it may know. */
const FRONT_DOOR_SEAM = ['front-door/visit/visit.ts', 'front-door/visit/served.ts']

/** The part of traces that a request carries. */
const TRACE_PORT = 'traces/request-trace.ts'

/** Imports allowed to each folder. A folder without a rule is an error, so that a new one is thought about. */
export const IMPORT_TABLE: readonly ImportRule[] = [
  { folder: 'oci', may: [], never: [...FILE_SYSTEM, ...NETWORK, ...SQL] },
  { folder: 'log', may: [], never: SQL },
  { folder: 'stream', may: ['oci'], never: [...FILE_SYSTEM, ...NETWORK, ...SQL] },
  { folder: 'files', may: [], never: [...NETWORK, ...SQL] },
  // `node:net` there is only for telling an address from a name.
  { folder: 'config', may: [], never: [...NETWORK.filter((name) => name !== 'node:net'), ...SQL] },
  {
    folder: 'policies',
    may: ['oci', 'config/values/zod.ts', 'config/values/suggest.ts', 'config/values/value-issue.ts'],
    never: [...FILE_SYSTEM, ...NETWORK, ...SQL],
  },
  {
    folder: 'access',
    may: ['oci', ...DATABASE_PORT, ...EVENTS_PORT],
    never: [...FILE_SYSTEM, ...NETWORK, 'node:sqlite'],
  },
  { folder: 'blobs', may: ['oci', 'log', 'stream', 'files'], never: [...NETWORK, ...SQL] },
  // `node:net` and `node:tls` reach the engine that has a server.
  {
    folder: 'database',
    may: ['oci', 'log', 'files'],
    never: NETWORK.filter((name) => name !== 'node:net' && name !== 'node:tls'),
  },
  {
    folder: 'metadata',
    may: ['oci', 'log', 'files', 'policies', ...DATABASE_PORT, ...EVENTS_PORT],
    never: NETWORK,
  },
  // Requests to webhooks go through a function that the caller passes in.
  {
    folder: 'events',
    may: ['oci', 'log', 'policies', 'outgoing', 'config/webhook.ts', ...DATABASE_PORT],
    never: [...FILE_SYSTEM, ...NETWORK, 'node:sqlite'],
  },
  {
    folder: 'accounts',
    may: [
      'oci',
      'log',
      'access/principal.ts',
      'access/account-name.ts',
      'access/limits.ts',
      ...DATABASE_PORT,
      ...EVENTS_PORT,
    ],
    never: [...NETWORK, 'node:sqlite'],
  },
  {
    folder: 'tokens',
    may: ['oci', 'access', ...DATABASE_PORT, ...EVENTS_PORT],
    never: [...FILE_SYSTEM, ...NETWORK, 'node:sqlite'],
  },
  {
    folder: 'registry',
    may: ['stream/chunk-sink.ts', 'oci', 'access', 'policies', BLOB_PORT, ...METADATA_PORT],
    never: [...FILE_SYSTEM, ...NETWORK, ...SQL],
  },
  {
    folder: 'http',
    may: [
      'oci',
      'registry',
      'access',
      'log',
      'stream',
      ...FRONT_DOOR_SEAM,
      TRACE_PORT,
      'events/origin.ts',
      'accounts/accounts.ts',
      'tokens/tokens.ts',
      'tokens/scope.ts',
      'console/console.ts',
    ],
    never: [...FILE_SYSTEM, ...SQL],
  },
  {
    folder: 'console',
    may: [
      ...['oci', 'registry', 'access', 'policies', 'log', 'accounts/accounts.ts', 'tokens/tokens.ts'],
      'config/values/zod.ts',
    ],
    never: [...FILE_SYSTEM, ...NETWORK, ...SQL],
  },
  { folder: 'front-door', may: ['log', 'stream', 'files/watched-folder.ts', TRACE_PORT], never: SQL },
  { folder: 'certificates', may: ['log', 'files', 'outgoing'], never: SQL },
  {
    folder: 'upkeep',
    may: [
      'oci',
      'log',
      'files',
      'policies',
      'registry',
      BLOB_PORT,
      LINK_PORT,
      ...METADATA_PORT,
      ...LINK_FACTS,
    ],
    never: [...NETWORK, ...SQL],
  },
  // Reads `/proc` and listens for scrapes.
  { folder: 'metrics', may: [], never: ['node:https', 'node:http2', 'node:tls', 'node:dgram', ...SQL] },
  // Sends to a collector.
  {
    folder: 'traces',
    may: ['log'],
    never: ['node:http2', 'node:net', 'node:tls', 'node:dgram', ...FILE_SYSTEM, ...SQL],
  },
  // Sends requests to servers that settings and rules name.
  {
    folder: 'outgoing',
    may: ['front-door/visit/address/network-address.ts'],
    never: ['node:http2', 'node:tls', 'node:dgram', ...FILE_SYSTEM, ...SQL],
  },
  // Reads the files with its password and authorities.
  { folder: 'ldap', may: ['accounts/directory.ts', 'config/ldap.ts', 'files'], never: SQL },
  {
    folder: 'client',
    may: ['oci', 'accounts/accounts.ts', 'registry/repositories.ts', 'registry/manage-tags.ts'],
    never: SQL,
  },
  {
    folder: 'cli',
    may: [
      'client',
      'config',
      'log',
      'oci',
      'app',
      'certificates',
      'policies',
      'events/audit/list-events.ts',
      'access',
      'accounts/accounts.ts',
      'accounts/secrets.ts',
      'registry/repositories.ts',
      'registry/manage-tags.ts',
      'registry/list-quotas.ts',
    ],
    never: [...NETWORK, ...SQL],
  },
  { folder: 'app', may: ['*'], never: [] },
  { folder: 'main', may: ['cli'], never: [...NETWORK, ...SQL] },
  { folder: 'worker', may: ['app', 'cli'], never: [...NETWORK, ...SQL] },
]

/** Names of folders and files that admit anything, so they collect everything. */
export const FORBIDDEN_NAMES: readonly string[] = [
  'core',
  'common',
  'shared',
  'util',
  'utils',
  'helper',
  'helpers',
  'lib',
]

/** Packages and modules that are forbidden together, by the name that ARCHITECTURE.md gives them. */
const GROUPS: readonly (readonly [name: string, members: readonly string[]])[] = [
  ['disk', FILE_SYSTEM],
  ['network', NETWORK],
  ['SQL', SQL],
]

/** The table in Markdown, as ARCHITECTURE.md shows it. */
export function formatImportTable(): string {
  const rows = IMPORT_TABLE.map(
    ({ folder, may, never }) =>
      `| ${code([folder])} | ${code(may) || 'nothing local'} | ${nameGroups(never).join(', ') || '–'} |`,
  )
  const meanings = GROUPS.map(([name, members]) => `${name}: ${code(members)}`)
  return ['| Folder | may import | never |', '|---|---|---|', ...rows, '', `${meanings.join('; ')}.`].join(
    '\n',
  )
}

/** Forbidden groups, each with its members that are allowed all the same. */
function nameGroups(never: readonly string[]): string[] {
  return GROUPS.flatMap(([name, members]) => {
    const allowed = members.filter((member) => !never.includes(member))
    if (allowed.length === members.length) return []
    return [allowed.length === 0 ? name : `${name} but ${code(allowed)}`]
  })
}

function code(names: readonly string[]): string {
  if (names.includes('*')) return 'everything'
  return names.map((name) => `\`${name}\``).join(' ')
}
