import { databaseUrl, listenTarget } from '../values/database-url.ts'
import { text, wholeNumber } from '../values/values.ts'
import type { Option } from './option.ts'

/** Settings of the database. */
export const DATABASE_OPTIONS = {
  database: {
    value: 'URL',
    help: 'where the facts are kept: sqlite (berth.db in the data folder) or postgres://USER:PASSWORD@HOST:PORT/NAME, see docs/databases.md',
    example: 'postgres://berth@db.example.com/berth',
    default: 'sqlite',
    parse: databaseUrl,
  },
  'database-password-file': {
    value: 'FILE',
    help: 'file that holds the password of the PostgreSQL user, in place of one in the URL; read at each connection',
    example: '/run/secrets/database-password',
    otherwise: 'none',
    parse: text,
    isPath: true,
  },
  'database-pool': {
    value: 'N',
    help: 'connections to PostgreSQL of each process that serves, 2 to 100, beside one that listens for changes',
    example: '20',
    otherwise: '10; fewer where all workers together would take more than 90',
    parse: wholeNumber(2, 100),
  },
  'database-listen': {
    value: 'ADDR',
    help: 'address at which to listen for changes of other nodes, beside a pooler such as pgbouncer: host:port of PostgreSQL itself, or off',
    example: 'db.example.com:5432',
    otherwise: 'the host and port of the URL',
    parse: listenTarget,
  },
} as const satisfies Record<string, Option>
