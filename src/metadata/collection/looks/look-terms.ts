import type { CollectionPolicy } from '../../collection-facts.ts'

/** An entry and the terms of a look at it. */
export interface Look {
  readonly repositoryId: number
  readonly digest: string
  readonly policy: CollectionPolicy
  readonly now: number
}
