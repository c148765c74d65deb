import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { FUZZ_SHARE } from '../../test/support/content/fuzz-share.ts'
import { assertGrowsLinearly } from '../../test/support/machine/cpu-time.ts'
import { isDigest, parseDigest } from './digest.ts'
import { OciError } from './errors.ts'
import { parseManifest } from './manifest.ts'
import { isTag, parseReference, parseTag } from './reference.ts'
import { isRepositoryName, MAX_REPOSITORY_NAME_LENGTH, parseRepositoryName } from './repository-name.ts'
import { parseOciRequest } from './request.ts'

/** The grammar of distribution-spec "Pull". */
const SPEC_NAME = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/
const SEED = 20_261_123
/** Pieces of targets and names: valid parts, and parts that must be refused. */
const PIECES = [
  ...'/abz09._-:%?&=#\\~+ @,"\u0000\u00e4\ud800',
  ...[
    'v2',
    '/v2/',
    '..',
    '//',
    '%2f',
    '%2e',
    '%',
    'manifests',
    'blobs',
    'uploads',
    'tags',
    'list',
    '__',
    '--',
  ],
  ...[
    'referrers',
    '_catalog',
    'sha256:',
    'a'.repeat(64),
    'A'.repeat(22),
    'n=1',
    'last=',
    'digest=',
    'mount=',
  ],
]
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'toString', '__proto__', '']

/** Numbers in [0, 1), the same at each run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function readLines(name: string): string[] {
  const text = readFileSync(new URL(`../../test/fixtures/${name}.txt`, import.meta.url), 'utf8')
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

const GRAMMARS = [
  { name: 'repository-name', is: isRepositoryName, parse: parseRepositoryName, code: 'NAME_INVALID' },
  { name: 'tag', is: isTag, parse: parseTag, code: 'TAG_INVALID' },
  { name: 'digest', is: isDigest, parse: parseDigest, code: 'DIGEST_INVALID' },
] as const

for (const { name, is, parse, code } of GRAMMARS) {
  test(`every ${name} of the valid list is one, and none of the invalid list is`, () => {
    for (const text of readLines(`${name}.valid`)) {
      assert.ok(is(text), text)
      assert.equal(parse(text), text)
    }
    for (const text of [...readLines(`${name}.invalid`), '', 'a\n', 'a\u0000']) {
      assert.ok(!is(text), JSON.stringify(text))
      assert.throws(() => parse(text), { name: 'OciError', code }, JSON.stringify(text))
    }
  })
}

test('`isRepositoryName()` agrees with the pattern of the specification on random texts', () => {
  const random = seeded(SEED)
  const letters = 'aab01._-_-//A'
  let valid = 0
  for (let round = 0; round < 50_000 * FUZZ_SHARE; round++) {
    const length = 1 + Math.floor(random() * 12)
    const text = Array.from({ length }, () => letters[Math.floor(random() * letters.length)]).join('')
    assert.equal(isRepositoryName(text), SPEC_NAME.test(text), text)
    if (SPEC_NAME.test(text)) valid++
  }
  assert.ok(valid > 1_000 * FUZZ_SHARE, `only ${valid} texts were names`)
})

test('`parseOciRequest()` throws nothing but `OciError`, and what it lets pass is checked', () => {
  const random = seeded(SEED)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  for (let round = 0; round < 50_000 * FUZZ_SHARE; round++) {
    const pieces = Array.from({ length: 1 + Math.floor(random() * 10) }, () => pick(PIECES)).join('')
    const target = random() < 0.8 ? `/v2/${pieces}` : pieces
    try {
      const parsed = parseOciRequest(pick(METHODS), target)
      if ('repository' in parsed) assert.ok(isRepositoryName(parsed.repository), target)
      if ('digest' in parsed && parsed.digest !== undefined) assert.ok(isDigest(parsed.digest), target)
    } catch (error) {
      assert.ok(error instanceof OciError, `${JSON.stringify(target)}: ${error}`)
    }
  }
})

test('names are read from the right, so they may hold the words of the paths', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const parseKind = (method: string, path: string) => {
    const parsed = parseOciRequest(method, path)
    return [parsed.kind, 'repository' in parsed ? parsed.repository : undefined]
  }
  assert.deepEqual(parseKind('GET', '/v2/a/tags/list/tags/list'), ['tag-list', 'a/tags/list'])
  assert.deepEqual(parseKind('GET', `/v2/a/blobs/uploads/blobs/${digest}`), ['blob-get', 'a/blobs/uploads'])
  assert.deepEqual(parseKind('POST', '/v2/a/blobs/blobs/uploads/'), ['blob-upload-start', 'a/blobs'])
  assert.deepEqual(parseKind('PUT', '/v2/a/manifests/manifests/v1'), ['manifest-put', 'a/manifests'])
  assert.deepEqual(parseKind('GET', `/v2/a/blobs/${digest.replace(':', '%3A')}`), ['blob-get', 'a'])
  assert.deepEqual(parseKind('GET', '/v2/a%2Fb%2fc/tags/list'), ['tag-list', 'a/b/c'])
  assert.deepEqual(parseKind('GET', '/v2/a%2Fmanifests/manifests/v1'), ['manifest-get', 'a/manifests'])
  assert.deepEqual(parseKind('GET', '/v2/a%2Ftags%2Flist/tags/list'), ['tag-list', 'a/tags/list'])
  // An escaped slash never separates the name from the rest.
  for (const path of [
    '/v2/a/tags%2Flist',
    '/v2/a%2Ftags/list',
    '/v2%2Fa/tags/list',
    '/v2/a%2Fmanifests/v1',
  ]) {
    assert.throws(() => parseKind('GET', path), OciError, path)
  }
})

test('a media type in a query is read with its plus sign, raw or escaped', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  for (const written of ['a/b+json', 'a/b%2Bjson', 'a/b%2bjson']) {
    const parsed = parseOciRequest('GET', `/v2/a/referrers/${digest}?artifactType=${written}`)
    assert.equal(parsed.kind === 'referrer-list' && parsed.artifactType, 'a/b+json')
  }
})

test('no grammar takes more than its share of time for a longer text', () => {
  const patterns = ['a', 'a-', 'a_', 'a/', '-', '_', 'a__', 'a.', '%', '0', 'sha256:', '+a']
  for (const pattern of patterns) {
    const refuse = (length: number): void => {
      const text = `${pattern.repeat(length).slice(0, length - 1)}!`
      assert.ok(!isRepositoryName(text) && !isTag(text))
      assert.throws(() => parseReference(text), OciError)
      assert.throws(() => parseDigest(text), OciError)
      assert.throws(() => parseOciRequest('GET', `/v2/${text}/tags/list`), OciError)
    }
    refuse(MAX_REPOSITORY_NAME_LENGTH)
    assertGrowsLinearly((length) => () => refuse(length), 8_000)
  }
})

test('`parseManifest()` refuses a NUL where a manifest has its type, and keeps it in annotations', () => {
  const descriptor = { mediaType: 'a/b', digest: `sha256:${'a'.repeat(64)}`, size: 1 }
  const parse = (more: object) => {
    const document = { schemaVersion: 2, config: descriptor, layers: [descriptor], ...more }
    return parseManifest(Buffer.from(JSON.stringify(document)), 'application/vnd.oci.image.manifest.v1+json')
  }
  for (const more of [{ artifactType: 'a/\0b' }, { config: { ...descriptor, mediaType: '\0' } }])
    assert.throws(() => parse(more), { code: 'MANIFEST_INVALID', message: /NUL/ })
  const { annotationsJson, artifactType } = parse({ artifactType: 'x/y', annotations: { 'a\0': '\0' } })
  assert.deepEqual([annotationsJson, artifactType], ['{"a\\u0000":"\\u0000"}', 'x/y'])
})

test('`parseManifest()` throws nothing but `OciError` on documents with random members changed', () => {
  const random = seeded(SEED)
  const descriptor = { mediaType: 'a/b', digest: `sha256:${'a'.repeat(64)}`, size: 1 }
  const base = {
    schemaVersion: 2,
    config: descriptor,
    layers: [descriptor],
    subject: descriptor,
    annotations: {},
  }
  const values = [
    null,
    true,
    0,
    -1,
    1e300,
    '',
    'x',
    [],
    {},
    [null],
    { digest: 1 },
    [descriptor, { size: {} }],
  ]
  const names = [
    'schemaVersion',
    'mediaType',
    'config',
    'layers',
    'manifests',
    'subject',
    'annotations',
    '__proto__',
  ]
  const type = 'application/vnd.oci.image.manifest.v1+json'
  parseManifest(Buffer.from(JSON.stringify(base)), type)
  for (let round = 0; round < 5_000 * FUZZ_SHARE; round++) {
    const name = names[Math.floor(random() * names.length)] ?? ''
    const value = values[Math.floor(random() * values.length)]
    const bytes = Buffer.from(JSON.stringify({ ...base, [name]: value }))
    if (random() < 0.3) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
    try {
      parseManifest(bytes, random() < 0.5 ? type : undefined)
    } catch (error) {
      assert.ok(error instanceof OciError, `${bytes}: ${error}`)
    }
  }
})
