import assert from 'node:assert/strict'
import type { Digest } from '../../../../src/oci/digest.ts'
import { OciError } from '../../../../src/oci/errors.ts'
import type { Tag } from '../../../../src/oci/reference.ts'
import type { RepositoryName } from '../../../../src/oci/repository-name.ts'
import type { UploadKey } from '../../../../src/registry/push/push-blob.ts'
import type { Site } from '../site.ts'

/** What a client can find: a tag's digest, or whether a manifest or blob is there. */
type State = Digest | 'there' | undefined

/** Things by `tag REPOSITORY:TAG`, `manifest REPOSITORY@DIGEST` or `blob REPOSITORY@DIGEST`. */
export type States = Readonly<Record<string, State>>

/** An upload that its client may go on with. */
interface OpenUpload {
  readonly key: UploadKey
  /** All of its bytes, and their digest. */
  readonly text: string
  readonly digest: Digest
  /** Bytes that were acknowledged. */
  offset: number
  /** True once a request may have ended it. */
  mayHaveEnded: boolean
}

/** What was acknowledged, and what a request that was not answered may have changed. */
export class Ledger {
  readonly #possible: Map<string, ReadonlySet<State>>
  /** The upload of the operation; the one of the base by default. */
  upload: OpenUpload | undefined
  /** What a folder that was left to Distribution holds. */
  left: States = {}
  /** The ledger as of the last backup, if there is one. */
  backedUp: Ledger | undefined
  /** Content whose stored bytes are other ones, with the right ones. */
  readonly damaged = new Map<Digest, Buffer>()
  /** True while a client repeats an operation: what it deletes may be gone already. */
  isRepeated = false
  /** Steps that were acknowledged. */
  acknowledged = 0

  constructor(possible: ReadonlyMap<string, ReadonlySet<State>> = new Map()) {
    this.#possible = new Map(possible)
  }

  copy(): Ledger {
    const copy = new Ledger(this.#possible)
    if (this.upload) copy.upload = { ...this.upload }
    copy.left = this.left
    copy.backedUp = this.backedUp
    for (const [digest, bytes] of this.damaged) copy.damaged.set(digest, bytes)
    return copy
  }

  /**
   * Makes one request, which leads to these states. `goneCodes`: errors that say that it was done before, which are right
   * only when it is repeated.
   */
  async step(
    states: States,
    request: () => Promise<unknown>,
    goneCodes: readonly string[] = [],
  ): Promise<void> {
    for (const [thing, state] of Object.entries(states)) {
      this.#possible.set(thing, new Set([...(this.#possible.get(thing) ?? [undefined]), state]))
    }
    try {
      await request()
    } catch (error) {
      const isDone = this.isRepeated && error instanceof OciError && goneCodes.includes(error.code)
      if (!isDone) throw error
    }
    this.acknowledged++
    for (const [thing, state] of Object.entries(states)) this.#possible.set(thing, new Set([state]))
  }

  /** Notes that collection may remove these. */
  mayRemove(...things: string[]): void {
    for (const thing of things) {
      this.#possible.set(thing, new Set([...(this.#possible.get(thing) ?? []), undefined]))
    }
  }

  /** Things that are or were this content. */
  thingsOf(digest: Digest): string[] {
    return [...this.#possible.keys()].filter(
      (thing) => !thing.startsWith('tag ') && thing.endsWith(`@${digest}`),
    )
  }

  /** All that is there. */
  present(): States {
    const present = [...this.#possible].flatMap(([thing, states]) => {
      const [state] = states
      return state === undefined ? [] : [[thing, state] as const]
    })
    return Object.fromEntries(present)
  }

  /** Digests of the manifests that may be served, by repository. */
  pushed(): Map<RepositoryName, Set<Digest>> {
    const pushed = new Map<RepositoryName, Set<Digest>>()
    for (const thing of this.#possible.keys()) {
      const { kind, repository, reference } = parseThing(thing)
      if (kind !== 'manifest') continue
      pushed.set(repository, (pushed.get(repository) ?? new Set()).add(reference as Digest))
    }
    return pushed
  }

  /** Checks that each thing is in one of its possible states, which then is the only one. */
  async check({ metadata }: Site): Promise<void> {
    for (const [thing, states] of this.#possible) {
      const { kind, repository, reference } = parseThing(thing)
      const found =
        kind === 'blob'
          ? (await metadata.findBlob(repository, reference as Digest)) && 'there'
          : kind === 'tag'
            ? (await metadata.findManifest(repository, reference as Tag))?.digest
            : (await metadata.findManifest(repository, reference as Digest)) && 'there'
      assert.ok(states.has(found), `${thing} is ${found}, may be ${[...states].join(' or ')}`)
      this.#possible.set(thing, new Set([found]))
    }
  }
}

function parseThing(thing: string): { kind: string; repository: RepositoryName; reference: Tag | Digest } {
  const [kind = '', place = ''] = thing.split(' ')
  const [repository, ...rest] = kind === 'tag' ? place.split(':') : place.split('@')
  return { kind, repository: repository as RepositoryName, reference: rest.join(':') as Tag | Digest }
}
