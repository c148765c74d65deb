import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RetentionAspect, type RetentionRule, retentionAspect } from './retention-rules.ts'
import { judgeByReference } from './review-reference.suite.ts'
import { RetentionReview } from './review-retention.ts'
import type { TagFacts, TagVerdict } from './tag-facts.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2030, 0, 1)
const RUNS = 3_000

/** A tag pushed some days ago. */
function tag(name: string, days: number, facts: Partial<TagFacts> = {}): TagFacts {
  return {
    name,
    digest: facts.digest ?? `sha256:${name}`,
    pushedAt: NOW - days * DAY,
    pulledAt: undefined,
    expiresAfterMs: undefined,
    ...facts,
  }
}

function judge(
  tags: readonly TagFacts[],
  aspect: Partial<RetentionAspect>,
  findImmutable: (name: string) => string | undefined = () => undefined,
): Map<string, TagVerdict> {
  const review = new RetentionReview(retentionAspect.parse(aspect), { now: NOW, findImmutable })
  for (const one of tags) review.count(one)
  const verdicts = new Map<string, TagVerdict>()
  for (const image of Map.groupBy(tags, ({ digest }) => digest).values()) {
    const judged = review.beginImage()
    for (const one of image) judged.add(one)
    for (const one of image) verdicts.set(one.name, judged.judge(one))
  }
  return verdicts
}

/** Names of the tags that end. */
function findEnding(...parameters: Parameters<typeof judge>): string[] {
  return [...judge(...parameters)].filter(([, { isKept }]) => !isKept).map(([name]) => name)
}

const rules = (...list: RetentionRule[]): { rules: RetentionRule[] } => ({ rules: list })

test('the newest images of a rule stay, and tags that no rule matches', () => {
  const tags = [tag('ci-1', 5), tag('ci-2', 4), tag('ci-3', 3), tag('latest', 9)]
  assert.deepEqual(findEnding(tags, rules({ tags: ['ci-*'], keep: { newest: 2 } })), ['ci-1'])
})

test('an image with two tags of a rule counts once, by its latest push', () => {
  const tags = [tag('ci-1', 5), tag('ci-2', 4, { digest: 'a' }), tag('ci-3', 3, { digest: 'a' })]
  assert.deepEqual(findEnding(tags, rules({ tags: ['ci-*'], keep: { newest: 2 } })), [])
  assert.deepEqual(findEnding([...tags, tag('ci-4', 2)], rules({ tags: ['ci-*'], keep: { newest: 2 } })), [
    'ci-1',
  ])
})

test('an image stays with all its tags if one of them stays', () => {
  const tags = [tag('ci-1', 5, { digest: 'a' }), tag('v1', 5, { digest: 'a' }), tag('ci-2', 4)]
  const aspect = rules({ tags: ['ci-*'], keep: 'none' }, { tags: ['v*'], keep: 'all' })
  const verdicts = judge(tags, aspect)
  assert.deepEqual(verdicts.get('ci-1'), {
    isKept: true,
    rule: 'v*: keep all',
    why: 'its image is also v1: the rule keeps all',
  })
  assert.equal(verdicts.get('ci-2')?.isKept, false)
})

test('an image goes by one rule, the first that removes one of its tags', () => {
  const tags = [tag('pr-1', 9, { digest: 'a' }), tag('ci-1', 9, { digest: 'a' })]
  const verdicts = judge(tags, rules({ tags: ['ci-*'], keep: 'none' }, { tags: ['pr-*'], keep: 'none' }))
  assert.deepEqual(
    [...verdicts.values()].map(({ rule }) => rule),
    ['ci-*: keep none', 'ci-*: keep none'],
  )
})

test('the first rule that matches decides: a rule that keeps all shields from those after it', () => {
  const tags = [tag('ci-keep', 99), tag('ci-1', 99)]
  const aspect = rules({ tags: ['ci-keep'], keep: 'all' }, { tags: ['*'], keep: { 'pushed-within': '7d' } })
  assert.deepEqual(findEnding(tags, aspect), ['ci-1'])
})

test('an image that nobody has pulled counts as pulled when it was pushed', () => {
  const tags = [tag('a', 2), tag('b', 40, { pulledAt: NOW - 3 * DAY }), tag('c', 40)]
  assert.deepEqual(findEnding(tags, rules({ tags: ['*'], keep: { 'pulled-within': '7d' } })), ['c'])
  assert.deepEqual(findEnding(tags, rules({ tags: ['*'], keep: { newest: 2, by: 'pull' } })), ['c'])
})

test('an image pulled within the last day is in use', () => {
  const verdicts = judge([tag('a', 9, { pulledAt: NOW - DAY / 2 })], rules({ tags: ['*'], keep: 'none' }))
  assert.deepEqual(verdicts.get('a'), {
    isKept: true,
    rule: 'in use',
    why: 'in use: pulled within the last day',
  })
})

test('the highest versions stay, of each variant, and floating tags are no versions', () => {
  const names = ['1.0.0', '1.2.0', '1.10.0', 'v1.9.0', '1.0.0-alpine', '1.1.0-alpine', '1', 'latest']
  const tags = names.map((name) => tag(name, 1))
  assert.deepEqual(findEnding(tags, rules({ tags: ['*'], keep: { versions: 2 } })), ['1.0.0', '1.2.0'])
})

test('the highest patch releases of each minor version stay', () => {
  const tags = ['1.0.0', '1.0.1', '1.0.2', '1.1.0', '2.0.0'].map((name) => tag(name, 1))
  assert.deepEqual(findEnding(tags, rules({ tags: ['*'], keep: { patches: 2 } })), ['1.0.0'])
})

test('pre-releases stay until their release is there, or go, or count as versions', () => {
  const tags = ['1.0.0-rc.1', '1.0.0', '1.1.0-rc.1', '1.1.0-rc.2'].map((name) => tag(name, 1))
  const keep = { versions: 2 }
  assert.deepEqual(findEnding(tags, rules({ tags: ['*'], keep })), ['1.0.0-rc.1'])
  const dropped = findEnding(tags, rules({ tags: ['*'], keep: { ...keep, 'pre-releases': 'drop' } }))
  assert.deepEqual(dropped, ['1.0.0-rc.1', '1.1.0-rc.1', '1.1.0-rc.2'])
  const counted = findEnding(tags, rules({ tags: ['*'], keep: { ...keep, 'pre-releases': 'count' } }))
  assert.deepEqual(counted, ['1.0.0-rc.1', '1.0.0'])
})

test('a label decides in the place of rules, except of one that keeps all', () => {
  const tags = [
    tag('a', 4, { expiresAfterMs: 3 * DAY }),
    tag('b', 2, { expiresAfterMs: 3 * DAY }),
    tag('v1', 4, { expiresAfterMs: 3 * DAY }),
  ]
  const aspect = rules({ tags: ['v*'], keep: 'all' }, { tags: ['*'], keep: 'none' })
  assert.deepEqual(findEnding(tags, aspect), ['a'])
  assert.deepEqual(findEnding(tags, { ...aspect, labels: false }), ['a', 'b'])
})

test('an immutable tag stays with its image, whatever rules and labels say', () => {
  const tags = [tag('v1', 9, { expiresAfterMs: DAY }), tag('x', 9, { digest: 'sha256:v1' })]
  const ending = findEnding(tags, rules({ tags: ['*'], keep: 'none' }), (name) =>
    name === 'v1' ? 'v*' : undefined,
  )
  assert.deepEqual(ending, [])
})

test('a tag that belongs to an image by its name stays as long as that image', () => {
  const name = `sha256-${'ab'.repeat(32)}.sig`
  const aspect = rules({ tags: ['*'], keep: { newest: 1 } })
  const image = tag('v1', 9)
  assert.deepEqual(findEnding([tag(name, 1, { hasSubject: true }), image], aspect), [])
  assert.deepEqual(findEnding([tag(name, 1, { hasSubject: false }), image], aspect), [name])
})

test('a regular expression matches the whole tag, by an engine that does not try back', () => {
  const tags = [tag('pr-12', 9), tag('pr-12-debug', 9)]
  assert.deepEqual(findEnding(tags, rules({ regex: 'pr-[0-9]+', keep: 'none' })), ['pr-12'])
  const long = tag('a'.repeat(128), 9)
  assert.deepEqual(findEnding([long], rules({ regex: '(a+)+b', keep: 'none' })), [])
  assert.throws(() => retentionAspect.parse(rules({ regex: '(?=x)', keep: 'none' })))
  // The history of tags has the rule, and PostgreSQL keeps no text with a NUL.
  for (const text of ['a|\0', 'a|\n', 'a|\u007f', 'a|\ud800'])
    assert.throws(() => retentionAspect.parse(rules({ regex: text, keep: 'none' })), text)
})

test('a rule that keeps nothing is written in words, never as a number', () => {
  for (const keep of [
    { newest: 0 },
    {},
    { by: 'pull' },
    { 'pushed-within': '0d' },
    { 'pushed-within': '7' },
  ]) {
    assert.throws(() => retentionAspect.parse({ rules: [{ tags: ['*'], keep }] }), JSON.stringify(keep))
  }
  assert.throws(() => retentionAspect.parse({ rules: [{ keep: 'none' }] }), 'a rule names tags')
})

test('verdicts are those of a plain evaluation with all tags at hand', () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const random = createRandom(seed)
    const tags = makeTags(random)
    const aspect = makeAspect(random)
    const verdicts = judge(tags, aspect)
    const expected = judgeByReference(tags, aspect, NOW)
    for (const { name } of tags) {
      assert.equal(
        verdicts.get(name)?.isKept,
        expected.get(name),
        `seed ${seed}: ${name} of ${JSON.stringify({ aspect, tags })}`,
      )
    }
  }
})

function createRandom(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e37_79b9) | 0
    return ((state ^ (state >>> 13)) >>> 0) % below
  }
}

function makeTags(random: (below: number) => number): TagFacts[] {
  const byName = new Map<string, TagFacts>()
  const images = Array.from({ length: 1 + random(8) }, (_, index) => ({
    digest: `sha256:${index}`,
    pulledAt: random(3) === 0 ? NOW - random(20 * 24) * 3_600_000 : undefined,
    expiresAfterMs: random(6) === 0 ? (1 + random(9)) * DAY : undefined,
  }))
  for (let count = random(14); count > 0; count--) {
    const image = images[random(images.length)]
    const name = makeName(random)
    byName.set(name, {
      ...image,
      name,
      digest: image?.digest ?? '',
      pushedAt: NOW - random(12) * DAY,
    } as TagFacts)
  }
  return [...byName.values()]
}

function makeName(random: (below: number) => number): string {
  const version = `${random(2)}.${random(3)}.${random(4)}`
  const names = [
    `ci-${random(20)}`,
    `pr-${random(9)}`,
    'latest',
    version,
    `v${version}`,
    `${version}-rc.${random(3)}`,
    `${version}-alpine`,
  ]
  return names[random(names.length)] ?? ''
}

function makeAspect(random: (below: number) => number): RetentionAspect {
  const patterns = [['ci-*'], ['*'], ['*', '!latest'], ['v*'], ['pr-*', 'ci-1*'], ['*-alpine']]
  const makeRule = (): RetentionRule => {
    const keeps: RetentionRule['keep'][] = [
      'all',
      'none',
      { newest: 1 + random(4) },
      { newest: 1 + random(3), by: 'pull' },
      { 'pushed-within': `${1 + random(8)}d` },
      { 'pulled-within': `${1 + random(8)}d`, newest: 1 + random(2) },
      { versions: 1 + random(3) },
      { versions: 1 + random(2), patches: 1 + random(2), 'pre-releases': 'count' },
      { patches: 1 + random(3), 'pre-releases': 'drop' },
    ]
    const keep = keeps[random(keeps.length)] ?? 'all'
    return random(6) === 0
      ? { regex: '(ci|pr)-[0-9]', keep }
      : { tags: patterns[random(patterns.length)] ?? ['*'], keep }
  }
  return { rules: Array.from({ length: random(4) }, makeRule), labels: random(4) > 0 }
}
