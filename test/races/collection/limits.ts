import assert from 'node:assert/strict'
import { type Digest, hashContent } from '../../../src/oci/digest.ts'
import { OciError } from '../../../src/oci/errors.ts'
import type { RepositoryName } from '../../../src/oci/repository-name.ts'
import type { Registry } from '../../../src/registry/registry.ts'

/** Namespace that gets a quota now and then. */
export const LIMITED_NAMESPACE = 'alice'

/** A setting of an operator that is changed beside other calls. */
class Setting<T> {
  #value: T
  #changes = 0
  #isChanging = false

  constructor(value: T) {
    this.#value = value
  }

  get value(): T {
    return this.#value
  }

  /** Undefined while it is being changed. */
  read(): { readonly value: T; readonly changes: number } | undefined {
    return this.#isChanging ? undefined : { value: this.#value, changes: this.#changes }
  }

  /** The value that was in force all the time since `before` was read; undefined: it was changed meanwhile. */
  since(before: ReturnType<Setting<T>['read']>): { readonly value: T } | undefined {
    return before && !this.#isChanging && before.changes === this.#changes ? before : undefined
  }

  /** Does nothing while another change is under way. */
  async change(value: T, make: () => Promise<unknown>): Promise<void> {
    if (this.#isChanging) return
    this.#isChanging = true
    this.#changes++
    await make()
    this.#value = value
    this.#isChanging = false
  }
}

/** A push that was refused by the quota, with the numbers of the answer. */
interface Refusal {
  readonly digest: Digest
  readonly used: number
  readonly wanted: number
}

/** Settings of the operator for which calls of clients are refused, and a record of the refusals. */
export class Limits {
  readonly isReadOnly: Setting<boolean> = new Setting(false)
  /** Bytes that {@link LIMITED_NAMESPACE} may hold. */
  readonly quota: Setting<number | undefined> = new Setting<number | undefined>(undefined)
  /** Of the group of acts under way. */
  refusals: Refusal[] = []
  /** Bytes that pushes of the group under way have wanted to add to the namespace, also in vain. */
  wantedBytes = 0
  /** Numbers of what has happened so far, by name. */
  readonly events: Map<string, number> = new Map()

  note(event: string, times = 1): void {
    if (times > 0) this.events.set(event, (this.events.get(event) ?? 0) + times)
  }
}

/** Bytes of a mount, whose length the client does not send: no layer of the races is longer. */
const MOST_MOUNTED_BYTES = 16

/** Calls that change content for clients, with the content that each adds; undefined: none. */
function describeChange(name: string, parameters: readonly unknown[]): Added | 'deletes' | undefined {
  const [target, body] = parameters as [
    { repository: RepositoryName; digest: Digest; bytes: Buffer },
    { length?: number } | undefined,
  ]
  switch (name) {
    case 'pushWholeBlob':
      return { ...target, size: body?.length ?? 0 }
    case 'mountBlob':
      return { ...target, size: MOST_MOUNTED_BYTES }
    case 'pushManifest':
      return {
        repository: target.repository,
        digest: hashContent(target.bytes),
        size: target.bytes.length,
      }
    case 'deleteBlob':
    case 'deleteManifest':
      return 'deletes'
    default:
      return undefined
  }
}

interface Added {
  readonly repository: RepositoryName
  readonly digest: Digest
  readonly size: number
}

/**
 * The same registry, which fails if a change succeeds while the registry is read-only from the call's begin to its end,
 * or is refused without a reason.
 */
export function obeying(registry: Registry, limits: Limits): Registry {
  const entries = Object.entries(registry).map(([name, value]: [string, unknown]) => {
    if (typeof value !== 'function') return [name, value]
    return [
      name,
      (...parameters: unknown[]): unknown => {
        const change = describeChange(name, parameters)
        const call = (): Promise<unknown> => value(...parameters)
        return change ? runChange(limits, change, call) : call()
      },
    ]
  })
  return Object.fromEntries(entries) as Registry
}

async function runChange(
  limits: Limits,
  change: Added | 'deletes',
  call: () => Promise<unknown>,
): Promise<unknown> {
  const readOnlyBefore = limits.isReadOnly.read()
  const quotaBefore = limits.quota.read()
  const isLimited = change !== 'deletes' && change.repository.startsWith(`${LIMITED_NAMESPACE}/`)
  if (isLimited) limits.wantedBytes += change.size
  try {
    const result = await call()
    assert.notEqual(limits.isReadOnly.since(readOnlyBefore)?.value, true, 'changed while read-only')
    return result
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    const readOnly = limits.isReadOnly.since(readOnlyBefore)
    if (error.code === 'UNSUPPORTED') {
      assert.notEqual(readOnly?.value, false, 'refused as read-only, and it is not')
      limits.note('refused as read-only')
    } else assert.notEqual(readOnly?.value, true, `${error.code} while read-only`)
    if (isQuotaError(error))
      noteRefusal(limits, { change, isLimited, error, quota: limits.quota.since(quotaBefore) })
    throw error
  }
}

/** True if a quota is the reason of a `DENIED`. */
export function isQuotaError(error: OciError): boolean {
  return (error.detail as { reason?: string } | undefined)?.reason === 'quota'
}

function noteRefusal(
  limits: Limits,
  {
    change,
    isLimited,
    error,
    quota,
  }: {
    change: Added | 'deletes'
    isLimited: boolean
    error: OciError
    quota: ReturnType<Setting<number | undefined>['since']>
  },
): void {
  assert.ok(isLimited && change !== 'deletes', `refused by a quota that does not apply: ${error.message}`)
  const { used, wanted, limit } = error.detail as { used: number; wanted: number; limit: number }
  assert.ok(used + wanted > limit, error.message)
  if (quota) assert.equal(limit, quota.value, 'the quota in force is another one')
  limits.refusals.push({ digest: change.digest, used, wanted })
  limits.note('refused by the quota')
}
