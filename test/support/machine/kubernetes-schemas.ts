import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { KUBERNETES_SCHEMAS } from '../../parts/find-parts.ts'

/** The oldest and the newest version whose schemas `.ci/install-parts` fetches. */
export const KUBERNETES_VERSIONS = ['1.25.0', '1.37.0'] as const

/** An object of Kubernetes, as it stands in a file. */
export interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
}

/** As `skipReason()` of the parts: false if the schemas are there. In CI they are required. */
export function schemasSkipReason(): string | false {
  if (existsSync(KUBERNETES_SCHEMAS)) return false
  const reason = `no schemas of Kubernetes in ${KUBERNETES_SCHEMAS} (.ci/install-parts fetches them)`
  if (process.env.CI === 'true') throw new Error(reason)
  return reason
}

/** Checks objects against the schemas of one version, in which unknown keys are errors. */
export class KubernetesSchemas {
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  readonly #folder: string

  constructor(version: (typeof KUBERNETES_VERSIONS)[number]) {
    this.#folder = join(KUBERNETES_SCHEMAS, `v${version}-local-strict`)
    this.#ajv.addSchema(this.#read('_definitions.json'), '/api/_definitions.json')
  }

  /** The faults of an object; none if it is valid. */
  check(object: KubernetesObject): string[] {
    const [group = '', version] = object.apiVersion.split('/')
    const suffix = version === undefined ? group : `${group.split('.')[0]}-${version}`
    const name = `${object.kind.toLowerCase()}-${suffix}.json`
    const validate =
      this.#ajv.getSchema(`/api/${name}`) ??
      this.#ajv.addSchema(this.#read(name), `/api/${name}`).getSchema(`/api/${name}`)
    if (!validate) return [`no schema ${name}`]
    if (validate(object)) return []
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    )
  }

  #read(name: string): object {
    return JSON.parse(readFileSync(join(this.#folder, name), 'utf8')) as object
  }
}
