import { stripControlCharacters } from './access-line.ts'

/** A log line for people: time, level, message, then `name=value` for the rest. Takes a line of JSON as pino writes it. */
export function formatText(json: string): string {
  const { level, time, msg, ...rest } = JSON.parse(json) as Record<string, unknown>
  // The day is left out: people read this as it happens, and programs read JSON.
  const clock = String(time).slice(11, 19)
  const fields = Object.entries(rest).flatMap(([name, value]) => formatField(name, value))
  return `${[clock, String(level).padEnd(5), stripControlCharacters(String(msg ?? '')), ...fields].join(' ')}\n`
}

function formatField(name: string, value: unknown): string[] {
  if (value === null || value === undefined || value === '') return []
  if (name === 'err' && typeof value === 'object') return formatError(value as Record<string, unknown>)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const clean = stripControlCharacters(text)
  return [`${name}=${/[\s"=]/.test(clean) ? JSON.stringify(clean) : clean}`]
}

/** The stack, on lines of its own: it names the place in the code. */
function formatError(error: Record<string, unknown>): string[] {
  const lines = String(error.stack ?? error.message)
    .split('\n')
    .map((line) => `\n    ${stripControlCharacters(line.trim())}`)
  return [lines.join('')]
}
