import { parseDuration } from './duration.ts'
import type { KeepTerms, RetentionAspect, RetentionRule } from './retention-rules.ts'
import type { TagFacts } from './tag-facts.ts'
import { compareVersions, parseVersion, type Version } from './version.ts'

const DAY = 86_400_000

/** True for each tag that stays, by the words of docs/retention.md and with all tags in memory. */
export function judgeByReference(
  tags: readonly TagFacts[],
  { rules, labels = true }: RetentionAspect,
  now: number,
): Map<string, boolean> {
  const deciding = (tag: TagFacts): RetentionRule | 'label' | undefined => {
    const rule = rules.find((one) => matches(one, tag.name))
    return labels && tag.expiresAfterMs !== undefined && rule?.keep !== 'all' ? 'label' : rule
  }
  const stays = (tag: TagFacts): boolean => {
    const rule = deciding(tag)
    if (rule === undefined) return true
    if (rule === 'label') return tag.pushedAt + (tag.expiresAfterMs ?? 0) > now
    if (typeof rule.keep === 'string') return rule.keep === 'all'
    return isKept(tag, rule.keep, { all: tags.filter((one) => deciding(one) === rule), now })
  }
  return new Map(
    tags.map((tag) => {
      const image = tags.filter(({ digest }) => digest === tag.digest)
      const isInUse = tag.pulledAt !== undefined && now - tag.pulledAt < DAY
      return [tag.name, image.some(stays) || isInUse]
    }),
  )
}

function matches({ tags, regex, keep }: RetentionRule, name: string): boolean {
  const isVersions = typeof keep === 'object' && (keep.versions !== undefined || keep.patches !== undefined)
  if (isVersions && !parseVersion(name)) return false
  if (regex !== undefined) return new RegExp(`^(?:${regex})$`).test(name)
  const isNamed = (isOut: boolean): boolean =>
    (tags ?? [])
      .filter((pattern) => pattern.startsWith('!') === isOut)
      .some((pattern) => new RegExp(`^${pattern.replace('!', '').replaceAll('*', '.*')}$`).test(name))
  return isNamed(false) && !isNamed(true)
}

function isKept(
  tag: TagFacts,
  keep: KeepTerms,
  { all, now }: { all: readonly TagFacts[]; now: number },
): boolean {
  const pulled = (one: TagFacts): number => Math.max(one.pulledAt ?? 0, one.pushedAt)
  const isWithin = (time: number, text: string | undefined): boolean =>
    text !== undefined && now - time < (parseDuration(text) ?? 0)
  if (isWithin(tag.pushedAt, keep['pushed-within']) || isWithin(pulled(tag), keep['pulled-within']))
    return true
  if (keep.newest !== undefined) {
    const timeOf = keep.by === 'pull' ? pulled : (one: TagFacts) => one.pushedAt
    const images = [...Map.groupBy(all, ({ digest }) => digest)].map(([digest, own]) => ({
      digest,
      time: Math.max(...own.map(timeOf)),
    }))
    images.sort((one, other) => other.time - one.time || (one.digest < other.digest ? 1 : -1))
    if (images.slice(0, keep.newest).some(({ digest }) => digest === tag.digest)) return true
  }
  return isKeptVersion(tag, keep, all)
}

function isKeptVersion(tag: TagFacts, keep: KeepTerms, all: readonly TagFacts[]): boolean {
  const version = parseVersion(tag.name)
  if (!version || (keep.versions === undefined && keep.patches === undefined)) return false
  const isCounted = ({ preRelease }: Version): boolean =>
    preRelease.length === 0 || keep['pre-releases'] === 'count'
  const line = all
    .flatMap(({ name }) => parseVersion(name) ?? [])
    .filter(({ variant }) => variant === version.variant)
  const isOfMinor = ({ numbers }: Version): boolean =>
    numbers[0] === version.numbers[0] && numbers[1] === version.numbers[1]
  if (!isCounted(version)) {
    const isReleased = line.some(
      (one) => one.preRelease.length === 0 && isOfMinor(one) && one.numbers[2] >= version.numbers[2],
    )
    return keep['pre-releases'] !== 'drop' && !isReleased
  }
  const isAmong = (some: readonly Version[], limit: number): boolean => {
    const higher = some.filter((one) => compareVersions(one, version) > 0)
    return new Set(higher.map((one) => JSON.stringify([one.numbers, one.preRelease]))).size < limit
  }
  const counted = line.filter(isCounted)
  return (
    (keep.versions !== undefined && isAmong(counted, keep.versions)) ||
    (keep.patches !== undefined && isAmong(counted.filter(isOfMinor), keep.patches))
  )
}
