import assert from 'node:assert/strict'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { includesAction } from '../action-mask.ts'
import { changeMembers, grantRule, removeGroup } from '../document/edit-document.ts'
import { parseAccessDocument } from '../document/parse-document.ts'
import { AccessRules } from '../rules.ts'
import { createAccessManager } from './create-access-manager.ts'
import { createRuleSource } from './create-rule-source.ts'

const test = testOnEngines()

async function open(openDatabase: OpenDatabase) {
  const temporary = await openDatabase()
  const ids = new Map([
    ['user:alice', 'user:1'],
    ['user:bob', 'user:2'],
    ['robot:ci', 'robot:1'],
  ])
  const directory = { listIds: async () => ids }
  const { database } = temporary
  return {
    ids,
    database,
    manager: createAccessManager(database, directory),
    source: createRuleSource(database),
    another: async () => createRuleSource(await temporary.openAgain()),
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  }
}

const DOCUMENT = parseAccessDocument({
  groups: { backend: ['user:alice', 'robot:ci', 'htpasswd:old'] },
  rules: [
    { who: 'group:backend', where: ['team/**', 'shared'], what: ['pull', 'create'] },
    { who: 'user:bob', where: 'team/app', what: 'overwrite' },
    { who: 'signed-in', where: 'shared', what: 'pull' },
    { who: 'directory:The builders', where: 'built/**', what: 'pull' },
  ],
  visibility: { 'open/**': 'public', 'open/not': 'private' },
})

test('what is written is read again, and each process has it with its next request', async (openDatabase) => {
  await using t = await open(openDatabase)
  const other = await t.another()
  assert.equal((await t.source()).actionsOf({ subject: 'user:1' }, 'team/app'), 0)
  await t.manager.change(() => DOCUMENT, { by: 'test' })
  const read = await t.manager.read()
  assert.deepEqual(read.document, DOCUMENT)
  assert.deepEqual([read.version, read.changedBy], [1, 'test'])
  for (const source of [t.source, other]) {
    const rules = await untilKnown(source, (found) => found.actionsOfAnyone('open/app') !== 0)
    for (const [subject, name, expected] of [
      ['user:1', 'team/app', true],
      ['robot:1', 'team/deep/app', true],
      ['htpasswd:old', 'shared', true],
      ['user:2', 'team/app', false],
      ['user:3', 'shared', true],
      ['user:3', 'open/not', false],
    ] as const) {
      assert.equal(includesAction(rules.actionsOf({ subject }, name), 'pull'), expected, `${subject} ${name}`)
    }
  }
})

/** A change of another connection is noticed by each engine in its own way, and within a moment. */
async function untilKnown(
  source: ReturnType<typeof createRuleSource>,
  isKnown: (rules: AccessRules) => boolean,
): Promise<AccessRules> {
  for (let tries = 0; tries < 200; tries++) {
    const rules = await source()
    if (isKnown(rules)) return rules
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return assert.fail('the change was never seen')
}

test('an unchanged state returns the same rules, and at once where the database is within the process', async (openDatabase) => {
  await using t = await open(openDatabase)
  await t.manager.change(() => DOCUMENT)
  const rules = await t.source()
  assert.equal(await t.source(), rules)
  if (t.database.engine === 'sqlite') assert.ok(t.source() instanceof AccessRules)
})

test('edits keep what they do not name, and a group made anew has another id', async (openDatabase) => {
  await using t = await open(openDatabase)
  await t.manager.change(() => DOCUMENT)
  await t.manager.change((document) =>
    grantRule(document, {
      who: 'user:bob',
      where: DOCUMENT.rules[0]?.where ?? assert.fail(),
      what: ['delete'],
    }),
  )
  await t.manager.change((document) => changeMembers(document, 'backend', { remove: ['user:alice'] }))
  const before = await t.manager.readRules()
  const { version } = await t.manager.change((document) => removeGroup(document, 'backend'))
  assert.equal(version, 4)
  await t.manager.change((document) => ({
    ...document,
    groups: [{ name: 'backend', members: ['user:bob'] }],
  }))
  const after = await t.manager.readRules()
  const [old] = before.rules.groups
  const [anew] = after.rules.groups
  assert.deepEqual([old?.members, anew?.members], [['htpasswd:old', 'robot:1'], ['user:2']])
  assert.notEqual(old?.id, anew?.id)
  assert.equal(after.rules.rules.length, 4)
})

test('what refers to an account that is gone is not in the document, and goes with the next change', async (openDatabase) => {
  await using t = await open(openDatabase)
  await t.manager.change(() => DOCUMENT)
  t.ids.delete('user:bob')
  t.ids.set('user:bob', 'user:9')
  const { document } = await t.manager.read()
  assert.ok(!document.rules.some(({ who }) => who === 'user:bob'))
  const rules = await t.source()
  assert.equal(includesAction(rules.actionsOf({ subject: 'user:9' }, 'team/app'), 'overwrite'), false)
})

test('a change of an older version, and one that names no account, change nothing', async (openDatabase) => {
  await using t = await open(openDatabase)
  await t.manager.change(() => DOCUMENT)
  await assert.rejects(
    t.manager.change((document) => document, { expected: 0 }),
    { code: 'ACCESS_CHANGED' },
  )
  const unknown = parseAccessDocument({ rules: [{ who: 'user:carol', where: '**', what: 'pull' }] })
  await assert.rejects(
    t.manager.change(() => unknown),
    { code: 'ACCESS_INVALID' },
  )
  const dry = await t.manager.change(() => parseAccessDocument({}), { isDry: true })
  assert.deepEqual([dry.version, dry.after.rules.length], [1, 0])
  assert.deepEqual((await t.manager.read()).document, DOCUMENT)
})

test('each change leaves an event with the entries that differ, and what is refused or tried leaves none', async (openDatabase) => {
  await using t = await open(openDatabase)
  await t.manager.change(() => DOCUMENT, { by: 'root (command)' })
  await t.manager.change((document) => changeMembers(document, 'backend', { remove: ['user:alice'] }))
  await t.manager.change(() => parseAccessDocument({}), { isDry: true })
  await assert.rejects(t.manager.change(() => DOCUMENT, { expected: 0 }))
  const rows = await t.database.read.selectFrom('event_outbox').select('body').orderBy('id').execute()
  const [first, second, ...more] = rows.map(({ body }) => JSON.parse(body))
  assert.deepEqual([first.action, first.who, first.after], ['access.change', 'root (command)', DOCUMENT])
  assert.deepEqual(
    [second.before, second.after],
    [
      { groups: DOCUMENT.groups, rules: [], visibility: [] },
      { groups: [{ name: 'backend', members: ['htpasswd:old', 'robot:ci'] }], rules: [], visibility: [] },
    ],
  )
  assert.deepEqual(more, [])
})

test('changes at the same time are all kept', async (openDatabase) => {
  await using t = await open(openDatabase)
  const place = DOCUMENT.rules[0]?.where ?? assert.fail()
  await Promise.all(
    (['pull', 'create', 'delete'] as const).map((action) =>
      t.manager.change((document) => grantRule(document, { who: 'user:bob', where: place, what: [action] })),
    ),
  )
  const { document, version } = await t.manager.read()
  assert.deepEqual([version, document.rules.map(({ what }) => what)], [3, [['pull', 'create', 'delete']]])
})
