import { flag, wholeNumber } from '../values/values.ts'
import type { Option } from './option.ts'

/** Settings of the upkeep of stored content. */
export const UPKEEP_OPTIONS = {
  collect: {
    value: 'BOOL',
    help: 'whether the server removes content that is no longer needed: see docs/upkeep.md',
    example: 'false',
    default: 'true',
    parse: flag,
  },
  'collect-rate': {
    value: 'N',
    help: 'steps of collection a second, 1 to 10000: a link or a blob is one, a manifest ten',
    example: '500',
    default: '100',
    parse: wholeNumber(1, 10_000),
  },
  'keep-days': {
    value: 'DAYS',
    help: 'days for which untagged images are kept after their last use, and deleted content after its deletion, 0 to 3650',
    example: '30',
    default: '14',
    parse: wholeNumber(0, 3650),
  },
  'retention-hours': {
    value: 'HOURS',
    help: 'hours between two runs of retention, 0 to 720; 0: only "berth retention run" runs it. See docs/retention.md',
    example: '24',
    default: '1',
    parse: wholeNumber(0, 720),
  },
  'scrub-days': {
    value: 'DAYS',
    help: 'days between two passes in which the server verifies all stored content, 0 to 3650; 0: only "berth scrub" does. See docs/scrub.md',
    example: '7',
    default: '30',
    parse: wholeNumber(0, 3650),
  },
  'scrub-rate': {
    value: 'BYTES',
    help: 'bytes a second that such a pass reads, 65536 to 17179869184',
    example: '52428800',
    default: '8388608',
    parse: wholeNumber(65_536, 17_179_869_184),
  },
  'sweep-days': {
    value: 'DAYS',
    help: 'days between two searches for files that the database does not name, 0 to 3650; 0: never',
    example: '30',
    default: '7',
    parse: wholeNumber(0, 3650),
  },
} as const satisfies Record<string, Option>
