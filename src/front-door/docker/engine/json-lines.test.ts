import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../../../test/support/content/seeded-random.ts'
import { type JsonLine, readJsonLines } from './json-lines.ts'

async function read(pieces: readonly string[], maxLength = 100): Promise<JsonLine[]> {
  const source = (async function* () {
    yield* pieces
  })()
  const lines: JsonLine[] = []
  for await (const line of readJsonLines(source, maxLength)) lines.push(line)
  return lines
}

const value = (of: unknown): JsonLine => ({ kind: 'value', value: of })
const LOST: JsonLine = { kind: 'lost' }

for (const [name, pieces, expected] of [
  ['lines in one piece', ['1\n2\n'], [value(1), value(2)]],
  ['a line in many pieces', ['{"a"', ':', '1}', '\n'], [value({ a: 1 })]],
  ['empty lines as nothing', ['\n\r\n 1\r\n\n'], [value(1)]],
  ['what has no end of line yet as nothing', ['1\n2'], [value(1)]],
  ['what is no JSON as lost', ['{\n1\n'], [LOST, value(1)]],
  [
    'a line that is too long as lost, once',
    ['"', 'x'.repeat(60), 'x'.repeat(60), 'x"\n1\n'],
    [LOST, value(1)],
  ],
  ['a line that is too long in one piece as lost', [`"${'x'.repeat(200)}"\n1\n`], [LOST, value(1)]],
] as const) {
  test(`readJsonLines() reads ${name}`, async () => {
    assert.deepEqual(await read(pieces), expected)
  })
}

test('readJsonLines() reads the same however the text is cut', async () => {
  const random = new SeededRandom('json-lines')
  for (let round = 0; round < 300; round++) {
    const lines = Array.from({ length: random.between(1, 8) }, () => 'x'.repeat(random.between(0, 150)))
    const text = lines.map((line) => `${JSON.stringify({ line })}\n`).join('')
    const pieces: string[] = []
    for (let start = 0; start < text.length; ) {
      const length = random.between(1, 80)
      pieces.push(text.slice(start, start + length))
      start += length
    }
    const expected = lines.map(
      (line): JsonLine => (JSON.stringify({ line }).length > 100 ? LOST : value({ line })),
    )
    assert.deepEqual(await read(pieces), expected)
  }
})
