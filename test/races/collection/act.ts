import type { Digest } from '../../../src/oci/digest.ts'
import { parseTag, type Tag } from '../../../src/oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../../src/oci/repository-name.ts'
import type { SeededRandom } from '../../support/content/seeded-random.ts'
import type { World, WorldNode } from './world.ts'

/** Repositories of the races. */
export const REPOSITORIES = ['alice/app', 'alice/web', 'bob/app'].map(parseRepositoryName)
/** Their tags. */
export const TAGS = ['v1', 'v2', 'latest'].map(parseTag)
/** Contents of layers: few, so that images share them, and many acts meet on one. */
export const LAYERS = Array.from({ length: 6 }, (_, at) => `layer ${at}`)
/** Account of all clients. */
export const OWNER = 'user:1'

/** Result of one act, for the model. */
export type Outcome =
  | {
      readonly kind: 'pushed'
      readonly repository: RepositoryName
      readonly tag: Tag
      readonly digest: Digest
    }
  | { readonly kind: 'untagged'; readonly repository: RepositoryName; readonly tag?: Tag }
  | { readonly kind: 'restored'; readonly repository: RepositoryName }
  /** Pins of the repository were added or ended. */
  | { readonly kind: 'pins-changed'; readonly repository: RepositoryName }
  /** Tags may have ended in each repository, except the shielded one. */
  | { readonly kind: 'retained' }
  /** A push that was refused because its content was being removed: the client repeats it. */
  | { readonly kind: 'repeated' }
  /** A push that was refused because somebody has deleted what it relied on. */
  | { readonly kind: 'refused'; readonly error: unknown }
  /** A pull that found a blob of its image gone: only if something may have removed it meanwhile. */
  | { readonly kind: 'not-pulled'; readonly error: unknown }
  | { readonly kind: 'none' }

/** One act of a client, an operator or the upkeep. */
export type Act = (world: World, node: WorldNode, random: SeededRandom) => Promise<Outcome>

/** Nothing that the model has to know. */
export const NONE: Outcome = { kind: 'none' }

/** One of them; there is at least one. */
export function pick<T>(random: SeededRandom, choices: readonly T[]): T {
  const choice = random.pick(choices)
  if (choice === undefined) throw new Error('nothing to choose from')
  return choice
}
