/** The folder of what tests share: the only one with rooms outside `src/`. */
export const TEST_SUPPORT = 'test/support'

/** The rooms of one folder of `src/`, or of {@link TEST_SUPPORT}, from the lowest up: each may import those before it, never those after it. */
export interface RoomOrder {
  readonly folder: string
  /**
   * Paths below the folder: an inner folder (`x509/write`, which is not a part of `x509`), `.` for the files at the
   * folder's top, or one file that stands at another height than the others of its room (`create-handlers.ts`).
   */
  readonly rooms: readonly string[]
}

/** Each folder with inner folders. One without a row is an error, and so is a room that its row does not name. */
export const ROOM_ORDER: readonly RoomOrder[] = [
  { folder: 'access', rooms: ['stored/migrations', '.', 'document', 'stored'] },
  {
    folder: 'accounts',
    rooms: [
      ...['migrations', '.', 'passwords', 'guesses', 'htpasswd', 'users', 'secrets', 'workloads', 'log-in'],
      'create-accounts.ts',
    ],
  },
  {
    folder: 'app',
    rooms: [
      ...[
        'remember-briefly.ts',
        'faults',
        'folders',
        'metrics/seams',
        'traces',
        'events',
        'database',
        'data',
        'scrub',
        'collection',
        'retention',
        'links',
        'certificates',
        'door',
        'in-use',
        'status',
      ],
      ...[
        'product.ts',
        'background-work.ts',
        'console',
        'backup',
        'metrics',
        'monitoring',
        '.',
        'workers',
        'doctor',
        'support',
        'setup',
        'start.ts',
        'drill',
      ],
    ],
  },
  {
    folder: 'blobs',
    rooms: ['.', 'disk/hashes', 'disk/layout.ts', 'disk/has-blobs.ts', 'disk/links', 'disk'],
  },
  {
    folder: 'certificates',
    rooms: [
      ...['x509', 'x509/write', 'folder', 'own-ca', 'check', 'install'],
      ...[
        'acme/client/requests',
        'acme/client',
        'acme/dns',
        'acme/challenges',
        'acme/plan',
        'acme/renew',
        'acme/issue',
        'acme',
      ],
    ],
  },
  {
    folder: 'cli',
    rooms: [
      ...['.', 'output', 'errors', 'prompts', 'command-line', 'process', 'context'],
      ...[
        'commands/cert',
        'commands/user',
        'commands/access',
        'commands/group',
        'commands/token',
        'commands/policy',
        'commands/tag',
        'commands/repo',
      ],
      ...[
        'commands/retention',
        'commands/gc',
        'commands/audit',
        'commands/webhook',
        'commands/setup',
        'commands/storage',
        'commands',
        'run.ts',
      ],
    ],
  },
  {
    folder: 'console',
    rooms: ['console.ts', 'server-port.ts', 'upkeep-port.ts', 'frame', 'console-parts.ts', 'resources', '.'],
  },
  { folder: 'client', rooms: ['.', 'admin'] },
  { folder: 'config', rooms: ['.', 'values', 'options', 'show', 'sources', 'load'] },
  {
    folder: 'database',
    rooms: [
      ...['.', 'copy', 'sqlite/frozen-file.ts', 'sqlite/sqlite-fault.ts', 'sqlite/long-reads', 'sqlite'],
      ...['postgres/connection', 'postgres/transactions', 'postgres/remembered', 'postgres'],
    ],
  },
  { folder: 'events', rooms: ['migrations', '.', 'audit', 'webhooks'] },
  {
    folder: 'front-door',
    rooms: [
      ...['visit/address', 'visit', 'listen/sockets'],
      ...['listen/http/messages', 'listen/http/refusals', 'listen/http/limits', 'listen/http'],
      ...['listen/tls', 'listen'],
      ...[
        'vhost/syntax',
        'vhost/regex',
        'vhost/settings',
        'vhost/route',
        'vhost/directives',
        'vhost/compile',
      ],
      ...['sites', 'docker/engine', 'docker/facts', 'docker/declare', 'docker'],
      ...['exchange', 'judge'],
      ...['forward/connect', 'forward/send', 'forward/pass', 'forward', 'forward/upgrade'],
      ...['answer/files', 'answer', '.'],
    ],
  },
  { folder: 'http', rooms: ['bounds', 'request', 'answer', 'access', 'handlers', 'api', 'monitoring', '.'] },
  {
    folder: 'metadata',
    rooms: [
      ...[
        'migrations',
        '.',
        'queries',
        'queries/policies',
        'queries/quotas',
        'queries/in-use',
        'queries/tags',
        'queries/trash',
        'queries/content',
      ],
      ...[
        'sizes',
        'collection/due-items.ts',
        'collection/looks',
        'collection',
        'scrub',
        'retention',
        'adopt',
        'leave',
        'backup',
        'account-content.ts',
        'sql-metadata.ts',
      ],
    ],
  },
  // A room of an aspect has its form and its meaning; the files at the top choose the policy that decides it.
  { folder: 'policies', rooms: ['patterns', 'retention', '.'] },
  { folder: 'registry', rooms: ['manifests', 'presence', 'push', 'pull', '.'] },
  { folder: 'tokens', rooms: ['migrations', '.', 'access', 'refresh'] },
  { folder: 'upkeep', rooms: ['.', 'collect', 'retain', 'scrub', 'adopt', 'leave', 'backup'] },
  {
    folder: TEST_SUPPORT,
    rooms: [
      ...['machine', 'requests', 'content', 'program', 'database', 'memory', 'access'],
      ...['certificates', 'acme', 'door', 'vhost', 'docker', 'registry', 'clients'],
    ],
  },
]
