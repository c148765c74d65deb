import type { RetainedTag, RetentionFacts } from '../../metadata/retention-facts.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { findCompanionSubject } from '../../policies/retention/companion-tag.ts'
import type { RetentionReview } from '../../policies/retention/review-retention.ts'
import type { TagFacts, TagVerdict } from '../../policies/retention/tag-facts.ts'

/** Tags read at once: a page of them takes a database within the process some milliseconds. */
const PAGE = 500
/** Behind all tags of an image in the order of names. */
const BEHIND_ALL = '~'

/** A tag with its verdict. */
interface JudgedTag extends RetainedTag {
  readonly verdict: TagVerdict
}

/** An image, or a part of one with very many tags. */
export interface JudgedImage {
  readonly digest: Digest
  readonly pulledAt: number | undefined
  /** Number of all its tags. */
  readonly tagCount: number
  readonly tags: readonly JudgedTag[]
}

/** The repository whose tags are read. */
interface RetainedRepository {
  readonly facts: Pick<RetentionFacts, 'listRetained' | 'findStored' | 'findProtected'>
  readonly repository: RepositoryName
}

/** Counts all tags of a repository for the rules that compare them. */
export async function countTags(of: RetainedRepository, review: RetentionReview): Promise<void> {
  if (!review.isCounting) return
  for await (const page of readPages(of)) for (const tag of page) review.count(tag)
}

/** Judges the tags of a repository, image after image, in constant memory. {@link countTags} comes first. */
export async function* judgeImages(
  of: RetainedRepository,
  review: RetentionReview,
): AsyncGenerator<JudgedImage> {
  const { facts, repository } = of
  let after: { digest: string; name: string } | undefined
  for (;;) {
    const page = await facts.listRetained(repository, { after, limit: PAGE })
    const images = [...Map.groupBy(page, ({ digest }) => digest).values()]
    const isLast = page.length < PAGE
    const [first] = images
    if (!isLast && images.length === 1 && first) {
      yield* judgeLargeImage(of, review, first)
      after = { digest: first[0]?.digest ?? '', name: BEHIND_ALL }
      continue
    }
    // The last image of a page may have more tags on the next one.
    const whole = isLast ? images : images.slice(0, -1)
    const judged = (await addSubjects(of, whole)).map((tags) => judgeImage(review, tags))
    yield* await spareProtected(of, judged)
    if (isLast) return
    after = whole.at(-1)?.at(-1)
  }
}

function judgeImage(review: RetentionReview, tags: readonly (RetainedTag & TagFacts)[]): JudgedImage {
  const judged = review.beginImage()
  for (const tag of tags) judged.add(tag)
  return toImage(
    tags.map((tag) => ({ ...tag, verdict: judged.judge(tag) })),
    tags.length,
  )
}

/** An image with more tags than one page has: they are read twice, first to add all, then to judge each. */
async function* judgeLargeImage(
  of: RetainedRepository,
  review: RetentionReview,
  [first]: readonly RetainedTag[],
): AsyncGenerator<JudgedImage> {
  const digest = first?.digest
  const judged = review.beginImage()
  let count = 0
  for await (const page of readPages(of, digest)) {
    const [tags = []] = await addSubjects(of, [page])
    for (const tag of tags) judged.add(tag)
    count += page.length
  }
  for await (const page of readPages(of, digest)) {
    const [tags = []] = await addSubjects(of, [page])
    if (tags.length === 0) continue
    const image = toImage(
      tags.map((tag) => ({ ...tag, verdict: judged.judge(tag) })),
      count,
    )
    yield* await spareProtected(of, [image])
  }
}

/** Images that are pinned or in use keep their tags, whatever the rules. */
async function spareProtected(
  { facts, repository }: RetainedRepository,
  images: readonly JudgedImage[],
): Promise<readonly JudgedImage[]> {
  const ending = images.filter(({ tags }) => tags.some(({ verdict }) => !verdict.isKept))
  if (ending.length === 0) return images
  const reasons = await facts.findProtected(
    repository,
    ending.map(({ digest }) => digest),
  )
  return images.map((image) => {
    const why = reasons.get(image.digest)
    if (why === undefined) return image
    const verdict = { isKept: true, rule: 'in use', why }
    return { ...image, tags: image.tags.map((tag) => (tag.verdict.isKept ? tag : { ...tag, verdict })) }
  })
}

function toImage(tags: readonly JudgedTag[], tagCount: number): JudgedImage {
  const [first] = tags
  if (!first) throw new Error('an image without tags')
  return { digest: first.digest, pulledAt: first.pulledAt, tagCount, tags }
}

/** Adds to tags that belong to other images by their names whether those are stored. */
async function addSubjects(
  { facts, repository }: RetainedRepository,
  images: readonly (readonly RetainedTag[])[],
): Promise<(readonly (RetainedTag & TagFacts)[])[]> {
  const subjects = new Set(images.flat().flatMap(({ name }) => findCompanionSubject(name) ?? []))
  if (subjects.size === 0) return [...images]
  const stored = await facts.findStored(repository, [...subjects])
  return images.map((tags) =>
    tags.map((tag) => {
      const subject = findCompanionSubject(tag.name)
      return subject === undefined ? tag : { ...tag, hasSubject: stored.has(subject) }
    }),
  )
}

async function* readPages(
  { facts, repository }: RetainedRepository,
  digest?: Digest,
): AsyncGenerator<readonly RetainedTag[]> {
  let after: RetainedTag | undefined
  for (;;) {
    const page = await facts.listRetained(repository, { after, digest, limit: PAGE })
    yield page
    after = page.at(-1)
    if (page.length < PAGE) return
  }
}
