import type { Config } from '../config.ts'
import type { OptionName } from '../options/options.ts'

/** The effective configuration and the source of each value. */
export interface LoadedConfig {
  readonly config: Config
  /** By setting: `--data`, `BERTH_DATA`, `berth.yaml: data`, `REGISTRY_HTTP_ADDR`, `config.yml: http.addr` or `default`. */
  readonly sources: Readonly<Record<OptionName, string>>
  /** Names of given but ignored settings, as sentences; to be shown before anything else. */
  readonly warnings: readonly string[]
}
