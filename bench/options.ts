import { parseArgs } from 'node:util'

/** Works that can be measured, in their order. */
export const WORKS = [
  'pull',
  'push',
  'manifest',
  'proxy',
  'memory',
  'tags',
  'retention',
  'collection',
  'adopt',
  'sizes',
] as const
/** A work of {@link WORKS}. */
export type WorkName = (typeof WORKS)[number]

/** Works of a run, and their amount. */
export interface BenchOptions {
  readonly works: readonly WorkName[]
  readonly rounds: number
  readonly isSmoke: boolean
  /** Receives every figure of every round; undefined: none. */
  readonly jsonFile: string | undefined
  /** Berth is measured on PostgreSQL, too: an empty database by its URL, or a server of the run's own. */
  readonly database: string | undefined
  /** Shares of the images that are due, one collection each. */
  readonly deadShares: readonly number[]
  /** Steps a second of the server's collection. */
  readonly collectRate: number
  readonly sizes: BenchSizes
}

/** Sizes of the work; all of them small in a smoke run. */
interface BenchSizes {
  /** Blob of a pull and of a push, in bytes. */
  readonly blobBytes: number
  /** Load on a manifest: measured, and before that unmeasured, in seconds. */
  readonly loadS: number
  readonly warmUpS: number
  /** Rounds of the memory work: each is a fresh process and 17 GB of pushes. */
  readonly memoryRounds: number
  readonly largePushBytes: number
  readonly manyPushes: readonly { readonly count: number; readonly bytes: number }[]
  /** Tags made over HTTP, and rows made in the database file. */
  readonly pushedTags: number
  readonly seededTags: number
  /** Tags of the repository that retention goes through. */
  readonly retainedTags: number
  /** Blobs of the storage that collection goes through. */
  readonly collectedBlobs: number
  /** Manifests of the Distribution folder that is taken over, and given back. */
  readonly adoptedManifests: number
  /** Tags of one repository, and other repositories, whose sizes are listed. */
  readonly sizedTags: number
  readonly sizedRepositories: number
  /** Pushes with sizes, and as many without. */
  readonly sizedPushes: number
  /** WebSockets that are open and silent. */
  readonly idleSockets: number
}

/** The command line was not understood; the message gives the reason. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Shares of the images that are due, by default. */
export const DEAD_SHARES = [0.01, 0.5] as const
/** Fewest blobs of a collection: of fewer images a hundredth is none. */
const MIN_BLOBS = 2_200
const MAX_BLOBS = 10_000_000

/** Text of `npm run bench -- --help`. */
export const USAGE = `Usage: npm run bench -- [--only ${WORKS.join(',')}] [--rounds N] [--json FILE]
                         [--database postgres|URL] [--blobs N] [--dead PERCENT]
                         [--collect-rate N] [--smoke]

Measures Berth beside Debian's docker-registry, nginx, Caddy and the disk, in one run on one machine.

  --only LIST   measure only these, separated by commas
  --rounds N    rounds of each measurement, 1 to 50 (default 5)
  --json FILE   write every figure of every round
  --database D  measure manifests and sizes on PostgreSQL, too: "postgres" starts a server, a
                postgres:// URL names an empty database for the manifests
  --blobs N     blobs of the storage that is collected, ${MIN_BLOBS.toLocaleString('en')} to 10,000,000 (default 100,000)
  --dead P      of 100 images in that storage these are due (default 1, and then 50)
  --collect-rate N  steps a second of the server's collection, 1 to 10,000 (default 1,000; that of serve is 100)
  --smoke       a small version, under a minute: does it all work? Its figures mean nothing`

/** Value of `--database` that starts a server. */
export const OWN_SERVER = 'postgres'

const MIB = 1024 ** 2
const GIB = 1024 ** 3
const MAX_ROUNDS = 50

const FULL: BenchSizes = {
  blobBytes: GIB,
  loadS: 4,
  warmUpS: 2,
  memoryRounds: 2,
  largePushBytes: 4 * GIB,
  manyPushes: [
    { count: 50, bytes: 64 * MIB },
    { count: 100, bytes: 100 * MIB },
  ],
  pushedTags: 10_000,
  seededTags: 1_000_000,
  retainedTags: 100_000,
  collectedBlobs: 100_000,
  adoptedManifests: 50_000,
  sizedTags: 20_000,
  sizedRepositories: 10_000,
  sizedPushes: 200,
  idleSockets: 10_000,
}

const SMOKE: BenchSizes = {
  blobBytes: 16 * MIB,
  loadS: 1,
  warmUpS: 0,
  memoryRounds: 1,
  largePushBytes: 64 * MIB,
  manyPushes: [
    { count: 5, bytes: 4 * MIB },
    { count: 10, bytes: 2 * MIB },
  ],
  pushedTags: 200,
  seededTags: 20_000,
  retainedTags: 2_000,
  collectedBlobs: 2_200,
  adoptedManifests: 500,
  sizedTags: 500,
  sizedRepositories: 200,
  sizedPushes: 25,
  idleSockets: 100,
}

/** Reads the command line. Undefined for `--help`. Errors: `UsageError`. */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const values = readFlags(args)
  if (values.help) return undefined
  const isSmoke = values.smoke ?? false
  const sizes = isSmoke ? SMOKE : FULL
  return {
    works: parseWorks(values.only),
    rounds: parseRounds(values.rounds, isSmoke),
    isSmoke,
    jsonFile: values.json,
    database: parseDatabase(values.database),
    deadShares: values.dead === undefined ? DEAD_SHARES : [parseNumber('dead', values.dead, 99) / 100],
    collectRate: parseNumber('collect-rate', values['collect-rate'] ?? '1000', 10_000),
    sizes: { ...sizes, collectedBlobs: parseBlobs(values.blobs, sizes.collectedBlobs) },
  }
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        rounds: { type: 'string' },
        json: { type: 'string' },
        database: { type: 'string' },
        blobs: { type: 'string' },
        dead: { type: 'string' },
        'collect-rate': { type: 'string' },
        smoke: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function parseWorks(only: string | undefined): WorkName[] {
  if (only === undefined) return [...WORKS]
  const names = only.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !WORKS.some((work) => work === name))
  if (unknown !== undefined) throw new UsageError(`--only: no "${unknown}"; there is ${WORKS.join(', ')}`)
  return WORKS.filter((work) => names.includes(work))
}

function parseBlobs(text: string | undefined, byDefault: number): number {
  if (text === undefined) return byDefault
  const blobs = Number(text)
  if (Number.isInteger(blobs) && blobs >= MIN_BLOBS && blobs <= MAX_BLOBS) return blobs
  throw new UsageError(`--blobs: "${text}" is no number from ${MIN_BLOBS} to ${MAX_BLOBS}`)
}

function parseNumber(flag: string, text: string, most: number): number {
  const number = Number(text)
  if (Number.isInteger(number) && number >= 1 && number <= most) return number
  throw new UsageError(`--${flag}: "${text}" is no whole number from 1 to ${most}`)
}

function parseDatabase(text: string | undefined): string | undefined {
  if (text === undefined || text === OWN_SERVER || /^postgres(?:ql)?:\/\//.test(text)) return text
  throw new UsageError(`--database: ${OWN_SERVER}, or a postgres:// URL`)
}

function parseRounds(text: string | undefined, isSmoke: boolean): number {
  const rounds = Number(text ?? (isSmoke ? 1 : 5))
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= MAX_ROUNDS) return rounds
  throw new UsageError(`--rounds: a whole number from 1 to ${MAX_ROUNDS}`)
}
