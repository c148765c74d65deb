import { text, timeOfDay, wholeNumber } from '../values/values.ts'
import type { Option } from './option.ts'

/** Settings of scheduled backups. */
export const BACKUP_OPTIONS = {
  'backup-to': {
    value: 'DIR',
    help: 'folder for backups that the server makes by itself, see docs/disaster-recovery.md',
    example: '/mnt/backup/berth',
    otherwise: 'none: no backups are made',
    parse: text,
    isPath: true,
  },
  'backup-every': {
    value: 'HOURS',
    help: 'hours from the begin of one backup to the next, 1 to 744',
    example: '6',
    default: '24',
    parse: wholeNumber(1, 744),
  },
  'backup-at': {
    value: 'TIME',
    help: 'time of day, in UTC, at which the first backup of a day begins: hours and minutes',
    example: "'02:30'",
    default: '02:00',
    parse: timeOfDay,
  },
  'backup-keep': {
    value: 'N',
    help: 'complete backups to keep in backup-to, 1 to 1000; older ones are removed after a new one is complete',
    example: '14',
    default: '7',
    parse: wholeNumber(1, 1000),
  },
} as const satisfies Record<string, Option>
