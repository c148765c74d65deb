/** A tag that is a version, such as `1.2.3`, `v1.2.3-rc.1` or `1.2.3-alpine`. */
export interface Version {
  /** Major, minor and patch. */
  readonly numbers: readonly [number, number, number]
  /** Identifiers of a pre-release; empty for a release. */
  readonly preRelease: readonly string[]
  /** Text after the version that names another build of the same release, such as `alpine`; empty: none. */
  readonly variant: string
}

/** Three numbers that a number of JavaScript holds exactly, a suffix, and build data, which tags have after `_` for want of `+`. */
const FORM =
  /^[vV]?(0|[1-9]\d{0,14})\.(0|[1-9]\d{0,14})\.(0|[1-9]\d{0,14})(?:-([0-9A-Za-z.-]+))?(?:_[0-9A-Za-z._-]*)?$/

/** Beginnings of suffixes that come before a release. By semver.org any suffix does, which `1.2.3-alpine` does not mean. */
const PRE_RELEASE_WORDS: ReadonlySet<string> = new Set(
  'a alpha b beta c canary cr dev ea eap m milestone next nightly pre prerelease preview rc snapshot test unstable'.split(
    ' ',
  ),
)

/** Parses a tag; undefined if it is no version, as `latest` and `1.2`. */
export function parseVersion(tag: string): Version | undefined {
  const match = FORM.exec(tag)
  if (!match) return undefined
  const [, major, minor, patch, suffix = ''] = match
  const isPreRelease = suffix !== '' && isBeforeRelease(suffix)
  return {
    numbers: [Number(major), Number(minor), Number(patch)],
    preRelease: isPreRelease ? suffix.split('.') : [],
    variant: isPreRelease ? '' : suffix,
  }
}

function isBeforeRelease(suffix: string): boolean {
  const word = /^[A-Za-z]*/.exec(suffix)?.[0].toLowerCase() ?? ''
  return word === '' || PRE_RELEASE_WORDS.has(word)
}

/** Negative if `one` comes before `other`, by the rules of semver.org; 0 for the same version. Variants are not compared. */
export function compareVersions(one: Version, other: Version): number {
  for (const [index, number] of one.numbers.entries()) {
    const difference = number - (other.numbers[index] ?? 0)
    if (difference !== 0) return difference
  }
  const [own, others] = [one.preRelease, other.preRelease]
  if (own.length === 0 || others.length === 0) return others.length - own.length
  for (let index = 0; index < Math.min(own.length, others.length); index++) {
    const order = compareIdentifiers(own[index] ?? '', others[index] ?? '')
    if (order !== 0) return order
  }
  return own.length - others.length
}

/** Numbers come before texts, and by their value, however long they are. */
function compareIdentifiers(one: string, other: string): number {
  const isNumber = /^\d+$/.test(one)
  if (isNumber !== /^\d+$/.test(other)) return isNumber ? -1 : 1
  if (isNumber) {
    const [own, others] = [one.replace(/^0+/, ''), other.replace(/^0+/, '')]
    return own.length - others.length || compareTexts(own, others)
  }
  return compareTexts(one, other)
}

function compareTexts(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
