import { decodePath } from '../vhost/syntax/byte-text.ts'

type Cut = 'never' | 'before decoding' | 'after decoding' | 'after splitting'

const NEVER: readonly Cut[] = ['never']
const ANY_TIME: readonly Cut[] = ['never', 'before decoding', 'after decoding', 'after splitting']

/** A server's way to read paths, where the standards leave a choice. */
interface Manner {
  /** True: `%2F` separates segments; otherwise it is a character of its segment. */
  readonly splitsSlash: boolean
  /** `%5C` is a slash, as on Windows. */
  readonly splitsBackslash: boolean
  /** Text after a `;` in a segment is a parameter and does not count, as in servlets: if, and when, it is cut off. */
  readonly cuts: Cut
  readonly merges: boolean
}

/**
 * The path of a target whose dots are resolved, and the other paths that servers may read in it: each way to treat an
 * escaped slash, an escaped backslash, a parameter and slashes in a row. Thirty-one at most.
 */
export function findReadings(
  rawPath: string,
  mergeSlashes: boolean,
): { path: string; readings: readonly string[] | undefined } {
  const path = read(rawPath, {
    splitsSlash: true,
    splitsBackslash: false,
    cuts: 'never',
    merges: mergeSlashes,
  })
  const hasSlash = /%2f/i.test(rawPath)
  const hasBackslash = /%5c/i.test(rawPath)
  const hasParameter = /;|%3b/i.test(rawPath)
  if (!hasSlash && !hasBackslash && !hasParameter && !rawPath.includes('//'))
    return { path, readings: undefined }
  const readings = new Set<string>()
  for (const splitsSlash of either(hasSlash)) {
    for (const splitsBackslash of either(hasBackslash)) {
      for (const cuts of hasParameter ? ANY_TIME : NEVER) {
        for (const merges of [true, false])
          readings.add(read(rawPath, { splitsSlash, splitsBackslash, cuts, merges }))
      }
    }
  }
  readings.delete(path)
  return { path, readings: readings.size === 0 ? undefined : [...readings] }
}

function either(isThere: boolean): readonly boolean[] {
  return isThere ? [true, false] : [true]
}

function read(rawPath: string, { splitsSlash, splitsBackslash, cuts, merges }: Manner): string {
  const written = cuts === 'before decoding' ? cut(rawPath) : rawPath
  // Decoded, an escaped slash that separates nothing is written as it was: no other character of a path is.
  let path = decodePath(splitsSlash ? written : written.replace(/%2f/gi, '%252F'))
  if (cuts === 'after decoding') path = cut(path)
  if (splitsBackslash) path = path.replaceAll('\\', '/')
  if (cuts === 'after splitting') path = cut(path)
  return merges ? path.replace(/\/{2,}/g, '/') : path
}

function cut(path: string): string {
  return path.replace(/;[^/]*/g, '')
}
