import { createRequire } from 'node:module'

/** The parts of the library that are used here. */
type Yaml = Pick<typeof import('yaml'), 'parse' | 'parseDocument' | 'stringify'>

/** The YAML library, loaded at its first use: most servers are started without a file, and it takes a megabyte. */
export function loadYaml(): Yaml {
  return createRequire(import.meta.url)('yaml') as Yaml
}
