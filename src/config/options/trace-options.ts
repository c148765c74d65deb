import { collectorUrl, sampleRatio, serviceName } from '../values/traces.ts'
import { text } from '../values/values.ts'
import type { Option } from './option.ts'

/** Settings of traces. */
export const TRACE_OPTIONS = {
  'traces-endpoint': {
    value: 'URL',
    help: 'URL of the collector that gets traces of requests, by OTLP over HTTP (JSON), or off; without a path /v1/traces is meant. See docs/traces.md',
    example: 'http://127.0.0.1:4318',
    otherwise: 'off',
    parse: collectorUrl,
  },
  'traces-headers-file': {
    value: 'FILE',
    help: 'file with headers for the collector, such as its log-in: a line "Name: value" each; read at each request to it',
    example: '/run/secrets/traces-headers',
    otherwise: 'none',
    parse: text,
    isPath: true,
  },
  'traces-sample': {
    value: 'RATIO',
    help: 'part of the requests that is traced, 0 to 1; a trusted proxy that sends traceparent decides for its own',
    example: '1',
    default: '0.1',
    parse: sampleRatio,
  },
  'traces-service': {
    value: 'NAME',
    help: 'name of this server in traces (service.name)',
    example: 'berth-eu',
    default: 'berth',
    parse: serviceName,
  },
} as const satisfies Record<string, Option>
