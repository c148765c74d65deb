import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Option } from '../options/option.ts'
import { OPTIONS, type OptionName } from '../options/options.ts'

/** A value as written, and the folder that relative paths in it are relative to. */
interface WrittenValue {
  readonly value: unknown
  readonly baseDir: string
}

/** True if two values of a setting mean the same, as `a.example.com,b.example.com` and a list of both. */
export function isSameSetting(name: string, one: WrittenValue, other: WrittenValue): boolean {
  if (String(one.value) === String(other.value) && one.baseDir === other.baseDir) return true
  if (!Object.hasOwn(OPTIONS, name)) return isDeepStrictEqual(one.value, other.value)
  const [first, second] = [parse(name as OptionName, one), parse(name as OptionName, other)]
  return first !== undefined && isDeepStrictEqual(first, second)
}

/** The meaning of a value; undefined if it has none. */
function parse(name: OptionName, { value, baseDir }: WrittenValue): { meaning: unknown } | undefined {
  const option: Option = OPTIONS[name]
  const result = option.parse.safeParse(value)
  if (!result.success) return undefined
  if (option.isPath) return { meaning: path.resolve(baseDir, String(result.data)) }
  return { meaning: option.resolvePaths?.(result.data, baseDir) ?? result.data }
}
