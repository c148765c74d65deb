/** Fields of an image's configuration that name the machine or the container that built it. */
const FACTS_OF_A_BUILD = ['container', 'container_config', 'docker_version', 'history', 'parent']
const FACTS_OF_A_CONTAINER = ['Hostname', 'Domainname', 'Image']

/**
 * The configuration of an image without what differs from build to build: an engine that runs the image reads none of
 * that. The rest stays, with the health check, which OCI's own text does not name and all engines take.
 */
export function withoutFactsOfBuild(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const inner = (config.config ?? {}) as Readonly<Record<string, unknown>>
  return { ...without(config, FACTS_OF_A_BUILD), config: without(inner, FACTS_OF_A_CONTAINER) }
}

function without(
  values: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)))
}
