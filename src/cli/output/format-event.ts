import type { ListedEvent } from '../../events/audit/list-events.ts'
import { formatTime, NOT_PLAIN } from './table.ts'

/** Headings of {@link toCells}. */
export const EVENT_HEADINGS: readonly string[] = [
  'TIME',
  'WHO',
  'ACTION',
  'OUTCOME',
  'WHAT',
  'FROM',
  'REQUEST',
]

/** An event as a row of a table. */
export function toCells({ event }: ListedEvent): string[] {
  const { at, who, action, outcome, count, address, via, request } = event
  const times = count !== undefined && !event.tags ? ` (${count}x)` : ''
  return [
    formatTime(new Date(at)),
    who ?? '-',
    action,
    outcome,
    describeWhat(event) + times,
    address ?? via,
    request ?? '-',
  ]
}

function describeWhat({ repository, target, digest, tags, from, reason }: ListedEvent['event']): string {
  const named = tags?.length ? `:${tags.map(({ name }) => name).join(',')}` : ''
  const parts = [
    repository === undefined ? undefined : repository + (named || (digest ? `@${digest}` : '')),
    target,
    from === undefined ? undefined : `from ${from}`,
    reason,
  ]
  return parts.filter((part) => part !== undefined).join(' ') || '-'
}

/** Severities of CEF, 0 to 10: refused acts and changes of rights stand out. */
function severityOf({ action, outcome }: ListedEvent['event']): number {
  if (outcome === 'refused') return 6
  return /^(?:user|access|policy|token|webhook)\./.test(action) ? 5 : 3
}

/** An event as a line of ArcSight's Common Event Format, version 0. */
export function formatCef({ position, event }: ListedEvent, version: string): string {
  const { action, who, address, outcome, repository, digest, request, reason, agent, target, count } = event
  const head = ['CEF:0', 'Berth', 'Berth', version, action, action.replaceAll(/[.-]/g, ' ')].map(escapeHead)
  const custom = [
    ...(repository === undefined
      ? []
      : [
          ['cs1', repository],
          ['cs1Label', 'repository'],
        ]),
    ...(digest === undefined
      ? []
      : [
          ['cs2', digest],
          ['cs2Label', 'digest'],
        ]),
    ...(request === undefined
      ? []
      : [
          ['cs3', request],
          ['cs3Label', 'requestId'],
        ]),
    ...(event.tags?.length
      ? [
          ['cs4', event.tags.map(({ name }) => name).join(',')],
          ['cs4Label', 'tags'],
        ]
      : []),
    ...(position === undefined
      ? []
      : [
          ['cn1', String(position)],
          ['cn1Label', 'position'],
        ]),
  ]
  const fields: (readonly (string | undefined)[])[] = [
    ['rt', String(Date.parse(event.at))],
    ['externalId', event.id],
    ['act', action],
    ['outcome', outcome],
    ['suser', who],
    [address?.includes(':') ? 'c6a2' : 'src', address],
    ['requestClientApplication', agent],
    ['duser', target],
    ['reason', reason],
    ['cnt', count === undefined ? undefined : String(count)],
    ...custom,
  ]
  const extension = fields.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${escapeValue(value)}`],
  )
  return `${head.join('|')}|${severityOf(event)}|${extension.join(' ')}`
}

function escapeHead(text: string): string {
  return text.replace(NOT_PLAIN, ' ').replaceAll(/[\\|]/g, '\\$&')
}

function escapeValue(text: string): string {
  return text.replace(NOT_PLAIN, ' ').replaceAll(/[\\=]/g, '\\$&')
}
