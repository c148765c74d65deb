import { stripControlCharacters } from './access-line.ts'

/**
 * A log line as `name=value` pairs, for programs that read logfmt. Takes a line of JSON as pino writes it; members of
 * objects get names with a dot, such as `err.code`.
 */
export function formatLogfmt(json: string): string {
  const { level, time, msg, ...rest } = JSON.parse(json) as Record<string, unknown>
  const pairs = [['time', time], ['level', level], ['msg', msg], ...Object.entries(rest)] as const
  return `${pairs.flatMap(([name, value]) => formatPair(String(name), value)).join(' ')}\n`
}

function formatPair(name: string, value: unknown): string[] {
  if (value === null || value === undefined || value === '') return []
  if (typeof value === 'object' && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([member, inner]) => formatPair(`${name}.${member}`, inner))
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  // A stack keeps its lines, escaped: one event is one line.
  const clean = text.split('\n').map(stripControlCharacters).join('\n')
  const plainName = name.replace(/[^\w.-]/g, '_')
  return [`${plainName}=${/^[^\s"=\\]+$/.test(clean) ? clean : JSON.stringify(clean)}`]
}
