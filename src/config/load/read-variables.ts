import { readRegistryVariables, toLayer } from '../sources/distribution.ts'
import { readEnvironment, readReplacedVariables } from '../sources/environment.ts'
import type { Environment, Layer } from '../sources/layer.ts'
import { hasCertificate } from './load-config.ts'

/** The settings that variables give to a server with a domain. */
interface VariableSettings {
  /** Those of `BERTH_*`, which win over a settings file. */
  readonly own: Layer
  /** Those of `REGISTRY_*` and of nginx-proxy, which a settings file wins over. */
  readonly others: Layer
}

/** Reads the variables. Errors: `ConfigError`. */
export function readVariables(env: Environment, cwd: string): VariableSettings {
  const own = readEnvironment(env, cwd)
  const registry = readRegistryVariables(env, cwd)
  const hasTls = hasCertificate([own, toLayer(registry, false)])
  return { own, others: new Map([...readReplacedVariables(env, cwd).layer, ...toLayer(registry, hasTls)]) }
}
