/** Meaning of an event for a container: it must be inspected, or no longer exists. */
interface ContainerEvent {
  readonly kind: 'changed' | 'gone'
  readonly id: string
}

/**
 * Reads an event of `/events`, in the shape of Docker or of podman; one of a network is about the container that joins
 * or leaves. @returns undefined if it concerns no container.
 */
export function readEvent(value: unknown): ContainerEvent | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { Type, Action, status, id, Actor } = value as Readonly<Record<string, unknown>>
  const { ID, Attributes } = (typeof Actor === 'object' && Actor !== null ? Actor : {}) as Readonly<
    Record<string, unknown>
  >
  const action = toText(Action) ?? toText(status)
  if (Type === 'network') {
    const container = toText((Attributes as { container?: unknown } | null | undefined)?.container)
    return container === undefined ? undefined : { kind: 'changed', id: container }
  }
  const container = toText(ID) ?? toText(id)
  if (container === undefined || (Type !== undefined && Type !== 'container')) return undefined
  return { kind: action === 'destroy' || action === 'remove' ? 'gone' : 'changed', id: container }
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
