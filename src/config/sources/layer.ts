import type { OptionName, OptionValue } from '../options/options.ts'

/** Value of one setting in one place, not yet parsed. */
export interface RawValue {
  readonly value: unknown
  /** The place, for messages and for `berth config`: `--data`, `BERTH_DATA`, `berth.yaml: data`, … */
  readonly source: string
  /** Folder that a relative path is relative to. */
  readonly baseDir: string
}

/** Values of settings in one kind of place. */
export type Layer = ReadonlyMap<OptionName, RawValue>

/** Variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Reads the effective value of a setting. */
export type ReadSetting = <Name extends OptionName>(name: Name) => OptionValue<Name>
