import { parseGoDuration, text, wholeNumber, workerCount } from '../values/values.ts'
import type { Option } from './option.ts'

/** Settings of the processes that serve: their number, their health and their end. */
export const PROCESS_OPTIONS = {
  'drain-timeout': {
    value: 'SECONDS',
    help: 'longest wait for requests under way when stopping, up to 3600 seconds',
    example: '60',
    default: '30',
    parse: wholeNumber(0, 3600),
    distribution: { key: 'http.draintimeout', read: readSeconds },
  },
  'health-file': {
    value: 'FILE',
    help: 'while this file exists, /readyz answers 503, so that a load balancer takes the server out; it serves on',
    example: '/run/berth/out-of-service',
    otherwise: 'none',
    parse: text,
    isPath: true,
    distribution: { key: 'health.file', read: readHealthFile },
  },
  workers: {
    value: 'N',
    help: 'processes that serve, 1 to 64; auto: as many as the machine has cores',
    example: 'auto',
    default: '1',
    parse: workerCount,
  },
} as const satisfies Record<string, Option>

/** The only file of Distribution's list; undefined for several, as one counts here. How often it is looked for has no meaning. */
function readHealthFile(value: unknown): unknown {
  const [first, ...others] = Array.isArray(value) ? value : []
  return others.length === 0 && typeof first === 'object' && first !== null
    ? Reflect.get(first, 'file')
    : undefined
}

function readSeconds(value: unknown): unknown {
  const seconds = parseGoDuration(value)
  return seconds === undefined ? undefined : Math.ceil(seconds)
}
