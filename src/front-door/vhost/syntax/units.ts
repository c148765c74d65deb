const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }
const TIME_UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  M: 2_592_000_000,
  y: 31_536_000_000,
}

/** Bytes of a size in nginx's form: `100m`, `8k`, `1g`, `512`. Undefined if it is none. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,15})([kKmMgG]?)$/.exec(text) ?? []
  const bytes = digits === undefined ? Number.NaN : Number(digits) * (SIZE_UNITS[unit.toLowerCase()] ?? 1)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** Milliseconds of a time in nginx's form: `60`, `900s`, `1h30m`, `500ms`. Undefined if it is none. */
export function parseTime(text: string): number | undefined {
  if (/^\d{1,12}$/.test(text)) return Number(text) * 1_000
  if (!/^(?:\d{1,12}(?:ms|[smhdwMy]) ?)+$/.test(text)) return undefined
  let sum = 0
  for (const [, digits, unit = 's'] of text.matchAll(/(\d+)(ms|[smhdwMy])/g)) {
    sum += Number(digits) * (TIME_UNITS_MS[unit] ?? 0)
  }
  return Number.isSafeInteger(sum) ? sum : undefined
}

/** `on` or `off`; undefined for anything else. */
export function parseFlag(text: string | undefined): boolean | undefined {
  return text === 'on' ? true : text === 'off' ? false : undefined
}
