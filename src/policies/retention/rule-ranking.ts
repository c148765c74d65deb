import { HighestVersions, NewestImages } from './newest.ts'
import type { KeepTerms } from './retention-rules.ts'
import { pullTimeOf, type TagFacts } from './tag-facts.ts'
import { parseVersion, type Version } from './version.ts'

/** Minor versions and variants whose highest versions one rule holds in memory; with more of them it keeps all. */
const MAX_GROUPS = 20_000

/**
 * Order among the tags of one rule, counted in a first reading of them all. Its memory depends on the rule and on the
 * number of minor versions, not on that of the tags.
 */
export class RuleRanking {
  readonly #keep: KeepTerms
  readonly #newest: NewestImages | undefined
  /** By variant, and by variant and minor version. */
  readonly #highest = new Map<string, HighestVersions>()
  /** The highest patch release of each minor version. */
  readonly #releases = new Map<string, number>()

  constructor(keep: KeepTerms) {
    this.#keep = keep
    this.#newest = keep.newest === undefined ? undefined : new NewestImages(keep.newest)
  }

  count(tag: TagFacts): void {
    this.#newest?.count(tag.digest, this.timeOf(tag))
    if (this.#isOverfull()) return
    const { versions, patches } = this.#keep
    if (versions === undefined && patches === undefined) return
    const version = parseVersion(tag.name)
    if (!version) return
    if (version.preRelease.length === 0) this.#countRelease(version)
    else if (this.#keep['pre-releases'] !== 'count') return
    if (versions !== undefined) this.#ensureHighest(lineOf(version), versions).count(version)
    if (patches !== undefined) this.#ensureHighest(minorOf(version), patches).count(version)
  }

  /** The time by which the rule compares the image of a tag. */
  timeOf(tag: TagFacts): number {
    return this.#keep.by === 'pull' ? pullTimeOf(tag) : tag.pushedAt
  }

  /** True if an image whose latest tag of the rule has this time is among the newest. */
  isNewest(digest: string, time: number): boolean {
    return this.#newest?.isAmong(digest, time) ?? false
  }

  /** Why the version of a tag stays; undefined: its version is no reason. */
  findVersionReason({ name }: TagFacts): string | undefined {
    const { versions, patches } = this.#keep
    if (versions === undefined && patches === undefined) return undefined
    const version = parseVersion(name)
    if (!version) return undefined
    if (this.#isOverfull()) return `there are more than ${MAX_GROUPS} minor versions, too many to compare`
    const how = this.#keep['pre-releases'] ?? 'until-release'
    if (version.preRelease.length > 0 && how !== 'count') {
      return how === 'drop' || this.#isReleased(version) ? undefined : 'its release is not there yet'
    }
    if (versions !== undefined && this.#highest.get(lineOf(version))?.isAmong(version) !== false) {
      return `among the highest ${versions} versions${ofVariant(version)}`
    }
    if (patches !== undefined && this.#highest.get(minorOf(version))?.isAmong(version) !== false) {
      return `among the highest ${patches} patch releases of ${version.numbers.slice(0, 2).join('.')}${ofVariant(version)}`
    }
    return undefined
  }

  /** True if the release of a pre-release, or a later patch release, is there. */
  #isReleased(version: Version): boolean {
    const highest = this.#releases.get(minorOf(version))
    return highest !== undefined && highest >= version.numbers[2]
  }

  #countRelease(version: Version): void {
    const key = minorOf(version)
    this.#releases.set(key, Math.max(this.#releases.get(key) ?? 0, version.numbers[2]))
  }

  #ensureHighest(key: string, limit: number): HighestVersions {
    const found = this.#highest.get(key)
    if (found) return found
    const made = new HighestVersions(limit)
    this.#highest.set(key, made)
    return made
  }

  #isOverfull(): boolean {
    return this.#highest.size > MAX_GROUPS || this.#releases.size > MAX_GROUPS
  }
}

/** A tag has no slash, so that no line has the name of a minor version. */
function lineOf({ variant }: Version): string {
  return variant
}

function minorOf({ variant, numbers: [major, minor] }: Version): string {
  return `${variant}/${major}.${minor}`
}

function ofVariant({ variant }: Version): string {
  return variant === '' ? '' : ` of -${variant}`
}
