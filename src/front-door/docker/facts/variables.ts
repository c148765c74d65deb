import type { ContainerFacts } from './container-facts.ts'

const PREFIX = 'com.github.nginx-proxy.nginx-proxy.'

/** The first of some variables that a container has; an empty one counts as not set. */
export function variableOf({ environment }: ContainerFacts, ...names: readonly string[]): string | undefined {
  return names.map((name) => environment[name]).find((value) => value !== undefined && value !== '')
}

/** True if a variable is `true`, as acme-companion reads it. */
export function isTrue(container: ContainerFacts, ...names: readonly string[]): boolean {
  return variableOf(container, ...names)?.toLowerCase() === 'true'
}

/** The value of one of nginx-proxy's labels; undefined if it is not there or empty. */
export function labelOf({ labels }: ContainerFacts, name: string): string | undefined {
  return labels[PREFIX + name] || undefined
}

/** Names of nginx-proxy's labels that a container has, without their prefix. */
export function labelNames({ labels }: ContainerFacts): string[] {
  return Object.keys(labels)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => name.slice(PREFIX.length))
}
