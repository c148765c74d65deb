import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { makeDataFolder } from '../../../../test/support/program/new-data.ts'
import { type CliCall, runCli } from '../../../../test/support/program/run-cli.ts'

async function open() {
  const folder = await makeTempFolder('access')
  const data = join(folder.path, 'data')
  await makeDataFolder(data)
  const berth = (args: string, call: CliCall = {}) =>
    runCli([...args.split(' '), '--data', data], { cwd: folder.path, ...call })
  for (const name of ['alice', 'bob']) {
    const made = await berth(`user add ${name} --password-stdin`, { stdin: `password of ${name}` })
    assert.equal(made.code, 0, made.stderr)
  }
  return {
    berth,
    async print(args: string): Promise<string> {
      const { code, stdout, stderr } = await berth(args)
      assert.equal(code, 0, stderr)
      return stdout
    },
    write: (text: string) => writeFile(join(folder.path, 'access.yaml'), text),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

const FILE = `groups:
  backend: [user:alice]   # a comment
rules:
  - who: group:backend
    where: [team/**, shared]
    what: [pull, push]
  - {who: signed-in, where: shared, what: pull}
visibility:
  open/**: public
`

test('rules and groups are made by commands, listed, and taken back', async () => {
  await using t = await open()
  assert.match(await t.print('access list'), /^No rule was ever set/)
  assert.match(await t.print('group add backend alice'), /^Members of backend: user:alice$/m)
  assert.match(
    await t.print('access grant group:backend team/** pull push'),
    /group:backend may pull, create, overwrite in team\/\*\*/,
  )
  assert.match(await t.print('access grant bob team/app pull'), /user:bob may pull in team\/app/)
  assert.match(await t.print('access visibility open/** public'), /open\/\*\* is public/)
  const listed = await t.print('access list')
  assert.match(listed, /^Version 4, set /)
  assert.match(listed, /^group:backend +team\/\*\* +pull, create, overwrite$/m)
  assert.match(listed, /^\(anonymous\) +open\/\*\* +pull \(public\)$/m)
  assert.match(await t.print('access revoke group:backend team/** overwrite'), /may still pull, create in/)
  assert.match(await t.print('access revoke bob team/app'), /No rule is left/)
  assert.match(await t.print('group add-member backend bob'), /user:alice, user:bob/)
  assert.match(await t.print('group remove-member backend alice'), /Members of backend: user:bob$/m)
  assert.match(await t.print('group list'), /^backend +user:bob$/m)
  await t.print('group remove backend')
  assert.deepEqual(JSON.parse(await t.print('access export --json')), {
    version: 9,
    groups: [],
    rules: [],
    visibility: [{ where: 'open/**', visibility: 'public' }],
  })
})

test('wrong arguments change nothing and say what is right', async () => {
  await using t = await open()
  for (const [args, message] of [
    ['access grant nobody team/app pull', /error\[ACCESS_INVALID\]: There is no user "nobody"/],
    ['access grant group:none team/app pull', /error\[ACCESS_UNKNOWN\]: There is no group "none"/],
    ['access grant Alice team/app pull', /error\[USAGE\]: "Alice" is nobody/],
    ['access grant alice team/ap* pull', /error\[USAGE\]: "team\/ap\*" names no repositories/],
    ['access grant alice team/app write', /error\[USAGE\]: "write" is no list of actions/],
    ['access grant anonymous team/app push', /error\[ACCESS_INVALID\]: Without an account/],
    ['access revoke alice team/app', /error\[ACCESS_UNKNOWN\]: No rule allows user:alice/],
    ['access visibility team/app hidden', /error\[USAGE\]: "hidden" is no visibility/],
    ['group add Back', /error\[USAGE\]: "Back" cannot name a group/],
    ['group add back nobody', /error\[ACCESS_INVALID\]: There is no user "nobody"/],
    ['group add-member none alice', /error\[ACCESS_UNKNOWN\]: There is no group "none"/],
  ] as const) {
    const { code, stderr } = await t.berth(args)
    assert.notEqual(code, 0, args)
    assert.match(stderr, message)
  }
  assert.equal(JSON.parse(await t.print('access list --json')).version, 0)
})

test('a file is applied as a whole; --dry-run shows the difference; what export prints changes nothing', async () => {
  await using t = await open()
  await t.write(FILE)
  const dry = await t.print('access apply access.yaml --dry-run')
  assert.match(dry, /^\+ {3}backend:$/m)
  assert.match(dry, /Nothing was changed: version 0/)
  assert.equal(JSON.parse(await t.print('access list --json')).version, 0)
  assert.match(await t.print('access apply access.yaml'), /in force as version 1\n$/)
  assert.match(await t.print('access apply access.yaml'), /version 1 stays/)
  const exported = await t.print('access export')
  assert.match((await t.berth('access apply -', { stdin: exported })).stdout, /version 1 stays/)
  await t.print('access visibility open/** internal')
  const late = await t.berth('access apply -', { stdin: exported })
  assert.deepEqual([late.code, /error\[ACCESS_CHANGED\]/.test(late.stderr)], [1, true], late.stderr)
  const smaller = await t.berth('access apply -', { stdin: FILE.replace('[team/**, shared]', 'shared') })
  assert.match(smaller.stdout, /^- +where: team\/\*\*$/m)
})

test('a file with one wrong line changes nothing, and the error names the line', async () => {
  await using t = await open()
  for (const [wrong, right, line, message] of [
    ['team/**, shared', 'team/**, shared', 0, /./],
    ['what: [pull, push]', 'what: [pull, write]', 6, /rules\[0\]\.what\[1\] must be a list of pull/],
    ['team/**, shared', 'team/**, a//b', 5, /rules\[0\]\.where\[1\] must be the name of a repository/],
    ['who: signed-in', 'who: everyone', 7, /rules\[1\]\.who must be anonymous, signed-in/],
    ['who: signed-in', 'who: group:other', 7, /group:other is not among the groups/],
    ['who: signed-in', 'whom: signed-in', 7, /rules\[1\]\.whom is not known here/],
    ['user:alice', 'group:x', 2, /groups\.backend\[0\] must be user:NAME/],
    ['open/**: public', 'open/**: shown', 9, /visibility\.open\/\*\* must be private, internal, public/],
    ['visibility:', 'visible:', 8, /visible is not known here/],
    ['{who: signed-in', '{who: signed-in, x', 7, /./],
    ['rules:', 'rules: [', 0, /is not YAML/],
  ] as const) {
    if (wrong === right) continue
    const { code, stderr } = await t.berth('access apply -', { stdin: FILE.replace(wrong, right) })
    assert.equal(code, 2, stderr)
    assert.match(stderr, line === 0 ? /line \d+/ : new RegExp(`line ${line}\\b`), right)
    assert.match(stderr, message)
  }
  const unknown = await t.berth('access apply -', { stdin: FILE.replace('user:alice', 'user:carol') })
  assert.match(unknown.stderr, /error\[ACCESS_INVALID\]: There is no user "carol"/)
  const empty = await t.berth('access apply -', { stdin: '' })
  assert.match(empty.stderr, /it must have groups, rules or visibility/)
  assert.equal(JSON.parse(await t.print('access list --json')).version, 0)
})

test('an account or a group made anew under an old name inherits nothing', async () => {
  await using t = await open()
  await t.write(FILE)
  await t.print('access apply access.yaml')
  await t.print('user remove alice --yes')
  assert.deepEqual(JSON.parse(await t.print('group list --json')).groups, [{ name: 'backend', members: [] }])
  await t.berth('user add alice --password-stdin', { stdin: 'another password' })
  assert.match(await t.print('access explain alice team/app pull'), /^denied: user:alice may not pull/)
  await t.print('group add-member backend alice')
  assert.match(await t.print('access explain alice team/app pull'), /^allowed/)
  await t.print('group remove backend')
  await t.print('group add backend alice')
  assert.match(await t.print('access explain alice team/app pull'), /^denied/)
})

test('`berth access explain` names the decision, the rule behind it, and what would change it', async () => {
  await using t = await open()
  await t.write(FILE)
  await t.print('access apply access.yaml')
  const table: [string, ...RegExp[]][] = [
    [
      'alice team/app push',
      /^allowed/,
      /because {2}rule: group:backend may pull, create, overwrite in team\/\*\*/,
      /changes {2}berth access revoke group:backend 'team\/\*\*' push/,
    ],
    ['alice alice/app delete', /^allowed/, /user:alice owns alice\/\*\*/],
    ['bob shared pull', /^allowed/, /signed-in may pull in shared/],
    [
      'bob shared push',
      /^denied/,
      /no rule allows it/,
      /signed-in may pull in shared, which is less/,
      /berth group add-member backend user:bob/,
      /berth access grant user:bob shared push/,
    ],
    [
      'anonymous open/app pull',
      /^allowed/,
      /visibility: open\/\*\* is public/,
      /berth access visibility 'open\/\*\*' private/,
    ],
    ['anonymous team/app pull', /^denied/, /berth access visibility team\/app public/],
    ['anonymous open/app push', /^denied/, /without an account only pull can be allowed/],
  ]
  for (const [args, ...expected] of table) {
    const printed = await t.print(`access explain ${args}`)
    for (const pattern of expected) assert.match(printed, pattern, args)
  }
  await t.print('robot create ci --allow team/app:pull')
  await t.print('access grant robot:ci team/** pull create')
  assert.match(
    await t.print('access explain robot:ci team/app pull'),
    /^allowed[\s\S]*rule: robot:ci may pull, create in/,
  )
  assert.match(
    await t.print('access explain robot:ci team/app push'),
    /^denied[\s\S]*the limits of robot:ci leave it out/,
  )
  await t.print('user disable bob')
  assert.match(
    await t.print('access explain bob bob/app pull'),
    /^denied.*\n.*disabled.*\n.*berth user enable bob/,
  )
  assert.equal((await t.berth('access explain carol a/b pull')).code, 2)
})

test('each command that `berth access explain` proposes for a robot changes the decision', async () => {
  await using t = await open()
  /** Runs the proposed commands that match, for a new robot if one is proposed, and explains again. */
  const follow = async (robot: string, rest: string, proposals: readonly RegExp[]): Promise<string> => {
    const { isAllowed, changes } = JSON.parse(await t.print(`access explain robot:${robot} ${rest} --json`))
    assert.equal(isAllowed, false)
    for (const pattern of proposals) {
      const [found] = (changes as string[]).flatMap((line) => pattern.exec(line) ?? [])
      assert.ok(found, `${pattern} in ${changes.join('\n')}`)
      const command = found.replace(/^.*berth /, '').replace(/ {3}\(.*/, '')
      await t.print(command.replaceAll('NEW-NAME', `${robot}-new`).replaceAll("'", ''))
    }
    const isNew = proposals.some((pattern) => pattern.source.includes('NEW-NAME'))
    return t.print(`access explain robot:${robot}${isNew ? '-new' : ''} ${rest}`)
  }
  await t.print('robot create limited --allow team/**')
  const refused = await t.print('access explain robot:limited alice/app pull')
  assert.match(refused, /because {2}the limits of robot:limited leave it out, and no rule allows it/)
  assert.doesNotMatch(refused, /grant robot:limited|internal/)
  const create = /.*robot create NEW-NAME --allow 'team\/\*\*:pull,push,delete' --allow 'alice\/app:pull'/
  assert.match(await follow('limited', 'alice/app pull', [create, /.*grant robot:NEW-NAME.*/]), /^allowed/)
  await t.print('robot create ofbob --owner bob --allow team/**:pull')
  assert.doesNotMatch(await t.print('access explain robot:ofbob bob/app push'), /grant/)
  assert.match(
    await follow('ofbob', 'bob/app push', [
      /.*create NEW-NAME --owner bob --allow .* --allow 'bob\/app:push'/,
    ]),
    /^allowed/,
  )
  assert.match(
    await follow('ofbob', 'team/app pull', [/^berth access grant user:bob team\/app pull$/]),
    /^allowed/,
  )
  await t.print('robot create second --owner alice --allow none:pull')
  const outside = [/.*create NEW-NAME --owner alice .*/, /.*grant user:alice team\/lib create/]
  assert.match(await follow('second', 'team/lib create', outside), /^allowed/)
  assert.match(
    await follow('second', 'open/app pull', [/^berth access visibility open\/app public.*/]),
    /^allowed/,
  )
  await t.print('robot disable ofbob')
  await t.print('user disable bob')
  const enable = [/^berth robot enable ofbob$/, /^berth user enable bob$/]
  assert.match(await follow('ofbob', 'team/app pull', enable), /^allowed/)
  await t.print('access grant robot:limited open/app pull')
  assert.doesNotMatch(await t.print('access explain robot:limited open/app pull'), /rule: robot:limited/)
})
