import type { z } from 'zod'

/** A setting: the one place of its names, bounds, default and help. */
export interface Option<T = unknown> {
  /** Name of the value in help; `BOOL`: the flag alone means true. */
  readonly value: string
  readonly help: string
  /** A possible value, as written in berth.yaml. */
  readonly example: string
  /** Default, written as a value. */
  readonly default?: string
  /** Default in words, if it depends on other settings or means "none". */
  readonly otherwise?: string
  readonly parse: z.ZodType<T>
  /** A file or folder: relative to the working directory, or to the folder of the berth.yaml that names it. */
  readonly isPath?: true
  /** Makes the paths inside a value absolute, for values that may hold some. */
  readonly resolvePaths?: (value: unknown, baseDir: string) => unknown
  /** Masked wherever it is shown. */
  readonly secret?: true
  /** Key of the same setting in Distribution's configuration. */
  readonly distribution?: DistributionKey
  /** Variable of nginx-proxy or its companion for the same setting; all of Berth's own names win over it. */
  readonly replaces?: string
  /** Turns the value of that variable into ours; undefined: it has no meaning here. Absent: the values are the same. */
  readonly readReplaced?: (value: string) => string | undefined
  /** May be given several times as a flag: the values are joined by commas. */
  readonly isList?: true
  /** A structure, which only berth.yaml can hold. */
  readonly isFileOnly?: true
}

/** A key of Distribution's configuration; its variable is `REGISTRY_`, the key in capitals, dots as underscores. */
interface DistributionKey {
  readonly key: string
  /** Turns Distribution's value into ours; undefined: it has no meaning here. Absent: the values are the same. */
  readonly read?: (value: unknown) => unknown
  /** The key counts only with, or only without, a certificate. */
  readonly when?: 'tls' | 'plain'
}
