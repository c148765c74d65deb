import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkNames } from './name-rules.ts'

const check = (source: string): string[] => checkNames(new Map([['src/a.ts', source]]))

const REFUSED: readonly (readonly [why: string, source: string])[] = [
  ['it waits', 'export async function rowOf(id: string): Promise<Row> {\n  return find(id)\n}'],
  ['it waits', 'function rowOf(id: string): Promise<Row> {\n  return find(id)\n}'],
  ['it waits', 'class A {\n  async #rowOf(id: string): Row {\n    return this.#find(id)\n  }\n}'],
  ['it waits', '  const rowOf = async (id: string) => find(id)'],
  [
    'it may fail',
    "function rowOf(\n  id: string,\n): Row {\n  if (!id) throw new Error('x')\n  return id\n}",
  ],
  ['it may fail', "class A {\n  rowOf(id: string): Row {\n    throw new Error('x')\n  }\n}"],
  ['it may fail', 'function rowOf<T>(id: T): Row {\n  assert.ok(id)\n  return id\n}'],
  ['it reads a file', "const rowOf = (id: string): string =>\n  readFileSync(id, 'utf8')"],
]

for (const [why, source] of REFUSED) {
  test(`\`checkNames()\` refuses as ${why}: ${source.replaceAll(/\s+/g, ' ')}`, () => {
    const [problem = '', ...more] = check(source)
    assert.match(problem, /^src\/a\.ts:\d: "rowOf" is no name /)
    assert.ok(problem.endsWith(why))
    assert.deepEqual(more, [])
  })
}

test('`checkNames()` refuses a name with `Of` in its middle, too, unless it begins with a verb', () => {
  const body = '(id: string): Promise<number> {\n  return read(id)\n}'
  assert.match(check(`function sizeOfFile${body}`).join(), /"sizeOfFile" is no name .*it waits$/)
  assert.deepEqual(check(`function findSizeOfFile${body}`), [])
})

test('`checkNames()` takes a function that gives a part, one with a verb in its name, calls, and what follows', () => {
  const source = `function rowOf({ row }: Thing): Row | undefined {
  return row
}

async function openDataOf(id: string): Promise<Data> {
  throw new Error(id)
}

rowOf(thing)
rowOf({
  row: await find(),
})
rowOf(
  await find(),
)
rowOf(async () => {
  await find()
})
const row = rowOf(thing) ?? (await find())
const nameOf = ({ name }: Thing): string => name
throw new Error('x')
`
  assert.deepEqual(check(source), [])
})
