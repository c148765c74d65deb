import type { TopKind } from '../../app/status/activity.ts'
import type { ServerStatus, Status } from '../../app/status/read-status.ts'
import { formatBytes, formatPairs, formatTable } from './table.ts'

/** Transfers, sites and certificates on one screen; `--json` has all. */
const MAX_ROWS = 12
const BAR_WIDTH = 20

/** The status of a Berth on one screen. */
export function formatStatus({ server, data }: Status, dataDir: string): string {
  const parts = [
    server ? formatServer(server) : `No server answers on the data folder ${dataDir}`,
    formatPairs([
      ...(server || data.lastStartedAt === undefined ? [] : [['Last start', data.lastStartedAt] as const]),
      ...formatFacts(data),
      ...data.disks.map(
        ({ folder, freeBytes, bytes }) =>
          [
            'Disk',
            `${formatBytes(freeBytes)} of ${formatBytes(bytes)} free (${Math.round((freeBytes / bytes) * 100)} %), ${folder}`,
          ] as const,
      ),
    ]),
    ...(server ? [formatTransfers(server)] : []),
    ...list('SITES', data.sites, ({ host, state, cause }) => [host, state, cause ?? '']),
    ...list('CERTIFICATES', data.certificates, ({ name, daysLeft }) => [
      name,
      daysLeft === undefined ? 'unreadable' : daysLeft < 0 ? 'expired' : `${daysLeft} days left`,
    ]),
  ]
  return parts.join('\n\n')
}

/** The facts of the database. */
function formatFacts({ databaseProblem, lastBackup, lastCollection }: Status['data']): [string, string][] {
  if (databaseProblem !== undefined) return [['Database', `cannot be read: ${databaseProblem}`]]
  return [
    ['Last backup', lastBackup ? `${lastBackup.startedAt}, ${lastBackup.outcome}` : 'none'],
    [
      'Last collection',
      lastCollection
        ? `${lastCollection.startedAt}, freed ${formatBytes(lastCollection.freedBytes)}`
        : 'none had anything to do',
    ],
  ]
}

function formatServer(server: ServerStatus): string {
  const { rates } = server
  return formatPairs([
    ['Berth', `${server.version} (node ${server.node})`],
    ['Up', formatAge(server.startedAt)],
    ['Listens on', server.urls.join(', ')],
    ['Processes', `${formatProcesses(server)}, ${formatBytes(server.residentBytes)} of memory`],
    [
      'Requests',
      `${server.totalRequests} so far, ${rates.requests.toFixed(1)} a second, ${rates.failures.toFixed(1)} of them failed (status 5xx)`,
    ],
    [
      'Bytes',
      `${formatBytes(Math.round(rates.receivedBytes))} in, ${formatBytes(Math.round(rates.sentBytes))} out a second, of requests that ended in the last ${rates.overSeconds} s`,
    ],
  ])
}

/** With workers this counts the primary, too, as the memory does. */
function formatProcesses({ workers, silent }: ServerStatus): string {
  if (workers === 1) return '1'
  const late = silent === 0 ? '' : `, of which ${silent} did not answer and are not counted here`
  return `${workers + 1} (a primary and ${workers} workers${late})`
}

function formatTransfers({ transfers }: ServerStatus): string {
  if (transfers.length === 0) return 'No blob is on its way'
  const rows = transfers
    .slice(0, MAX_ROWS)
    .map(({ direction, user, repository, client, bytes, expectedBytes, since, requestId }) => [
      direction,
      user,
      repository,
      client,
      formatProgress(bytes, expectedBytes),
      formatAge(since),
      requestId,
    ])
  const table = formatTable(['WAY', 'USER', 'REPOSITORY', 'CLIENT', 'BYTES', 'FOR', 'REQUEST'], rows)
  return `${table}${formatMore(transfers.length)}`
}

/** Clients such as Docker do not announce the size of a push: then there is no bar. */
function formatProgress(bytes: number, expected: number | undefined): string {
  if (expected === undefined || expected === 0) return formatBytes(bytes)
  const part = Math.min(1, bytes / expected)
  const bar = '#'.repeat(Math.round(part * BAR_WIDTH)).padEnd(BAR_WIDTH, '.')
  return `[${bar}] ${Math.floor(part * 100)} % of ${formatBytes(expected)}`
}

function list<Item>(title: string, items: readonly Item[], toRow: (item: Item) => string[]): string[] {
  if (items.length === 0) return []
  const rows = items.slice(0, MAX_ROWS).map(toRow)
  return [
    `${formatTable([title, ...(rows[0]?.slice(1).map(() => '') ?? [])], rows)}${formatMore(items.length)}`,
  ]
}

function formatMore(count: number): string {
  return count > MAX_ROWS ? `\n… and ${count - MAX_ROWS} more: --json has all` : ''
}

function formatAge(since: string): string {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  const hours = Math.floor(seconds / 3600)
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`
}

/** The busiest names, by bytes. */
export function formatTop(server: ServerStatus, by: TopKind, limit: number): string {
  const ranked = server.top[by]
  const rows = ranked
    .slice(0, limit)
    .map(({ name, bytesPerSecond, requestsPerSecond, failuresPerSecond, excessPerSecond }) => [
      name,
      formatBytes(Math.round(bytesPerSecond)),
      requestsPerSecond.toFixed(2),
      failuresPerSecond.toFixed(2),
      excessPerSecond < 0.005 ? '' : `up to ${excessPerSecond.toFixed(2)} of them by others`,
    ])
  const table = formatTable([by.toUpperCase(), 'BYTES/S', 'REQUESTS/S', 'FAILED/S', ''], rows)
  return `${table}\nOver the last minute or so; a transfer counts once it has ended. Names beyond the 256 busiest of each process are left out.`
}
