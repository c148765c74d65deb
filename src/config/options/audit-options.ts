import { readNotifications, webhooks } from '../values/notifications.ts'
import { flag, wholeNumber } from '../values/values.ts'
import type { Option } from './option.ts'

/** Settings of the audit log. */
export const AUDIT_OPTIONS = {
  'audit-days': {
    value: 'DAYS',
    help: 'days for which the audit log keeps events, 0 to 36500; 0: only audit-size bounds it. See docs/audit.md',
    example: '730',
    default: '365',
    parse: wholeNumber(0, 36_500),
  },
  'audit-size': {
    value: 'MIB',
    help: 'most MiB of all events in the audit log, 1 to 1048576: beyond it the oldest are removed',
    example: '4096',
    default: '1024',
    parse: wholeNumber(1, 1_048_576),
  },
  webhooks: {
    value: 'LIST',
    help: 'webhooks of this file, beside those of "berth webhook add"; only in a file, see docs/webhooks.md',
    example: "[{ name: deploy, url: 'https://deploy.example.com/hook', repositories: ['team/**'] }]",
    default: '',
    otherwise: 'none',
    parse: webhooks,
    isFileOnly: true,
    secret: true,
    distribution: { key: 'notifications.endpoints', read: readNotifications },
  },
  'audit-pulls': {
    value: 'BOOL',
    help: 'whether pulls of manifests are events, too',
    example: 'true',
    default: 'false',
    parse: flag,
  },
} as const satisfies Record<string, Option>
