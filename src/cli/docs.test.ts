import assert from 'node:assert/strict'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readFencedCommands, readHiddenCommands } from '../../test/docs/fenced-commands.ts'
import { NOT_RUN, RUN_BY_CLIENTS, RUN_BY_NODE, RUN_BY_PACKAGING } from '../../test/docs/how-commands-run.ts'
import { runCli } from '../../test/support/program/run-cli.ts'
import { CONFIG_ERROR_CODES } from '../config/config-error.ts'
import { formatCommandReference } from './command-line/command-reference.ts'
import { CLI_ERRORS } from './errors/cli-error.ts'
import { describeError } from './errors/describe-error.ts'
import { processIo } from './io.ts'
import { buildProgram } from './run.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGE = readFileSync(`${ROOT}/docs/cli.md`, 'utf8')
/** The table of flags, between its marks. */
const FLAGS = /(<!-- flags: [^\n]* -->\n)([\s\S]*?)(<!-- \/flags -->)/
/** Codes that other parts throw and commands report, as these parts declare them. */
const UNIONS = [
  'src/app/faults/app-error.ts',
  'src/database/database.ts',
  'src/database/copy/copy-error.ts',
  'src/upkeep/backup/backup-error.ts',
  'src/accounts/accounts.ts',
  'src/certificates/x509/certificate-error.ts',
  'src/policies/policy-error.ts',
  'src/access/access-error.ts',
]
/** Only the HTTP side meets these. */
const NOT_IN_COMMANDS = ['TOO_MANY_ATTEMPTS', 'TOKEN_REFUSED']

const documented = new Map(
  [...PAGE.matchAll(/^\| `([A-Z_]+)` \| (\d) \|/gm)].map((row) => [row[1] ?? '', row[2]]),
)

function declaredCodes(): string[] {
  const inUnions = UNIONS.flatMap((file) => {
    const text = readFileSync(`${ROOT}/${file}`, 'utf8')
    return [...text.matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map((match) => match[1] ?? '')
  })
  return [...Object.keys(CLI_ERRORS), ...CONFIG_ERROR_CODES, ...inUnions]
}

test('docs/cli.md lists every code that commands report', () => {
  for (const code of declaredCodes()) {
    if (!NOT_IN_COMMANDS.includes(code)) assert.ok(documented.has(code), `${code} is not listed`)
  }
})

test('docs/cli.md lists no code that nothing reports', () => {
  const sources = globSync('src/**/*.ts', { cwd: ROOT }).filter((file) => !file.endsWith('.test.ts'))
  const text = [...sources, 'bin/berth'].map((file) => readFileSync(`${ROOT}/${file}`, 'utf8')).join('\n')
  for (const code of documented.keys()) assert.match(text, new RegExp(`\\b${code}\\b`))
})

test('docs/cli.md tells the exit code of each error', () => {
  for (const [code, exit] of documented) {
    const error = Object.assign(new Error('x'), { name: 'CliError', code })
    assert.equal(String(describeError(error).exit), exit, code)
  }
})

test('docs/cli.md lists exactly the commands there are', async () => {
  const listed = [...PAGE.replace(FLAGS, '').matchAll(/^\| `berth ([a-z-]+(?: [a-z-]+)?)[^`]*` \|/gm)].map(
    (row) => row[1],
  )
  const commands: string[] = []
  for (const name of await listCommands([])) {
    const groups = [
      'user',
      'token',
      'robot',
      'repo',
      'tag',
      'manifest',
      'group',
      'access',
      'policy',
      'quota',
      'trash',
      'retention',
      'read-only',
      'site',
      'cert',
      'webhook',
    ]
    const isGroup = groups.includes(name)
    const inner =
      isGroup || ['gc', 'scrub', 'backup', 'audit'].includes(name) ? await listCommands([name]) : []
    commands.push(...(isGroup ? [] : [name]), ...inner.map((verb) => `${name} ${verb}`))
  }
  assert.deepEqual(listed.toSorted(), commands.toSorted())
})

test('docs/cli.md lists exactly the flags that --help shows', async () => {
  const table = formatCommandReference(await buildProgram(processIo()))
  if (process.env.UPDATE_DOCS === '1') {
    const page = PAGE.replace(FLAGS, (_all, open, _table, close) => `${open}${table}${close}`)
    writeFileSync(`${ROOT}/docs/cli.md`, page)
    assert.notEqual(FLAGS.exec(page), null)
    return
  }
  assert.equal(FLAGS.exec(PAGE)?.[2], table, 'UPDATE_DOCS=1 node --test src/cli/docs.test.ts writes it anew')
})

test('each fenced command of README and docs is run by a test, or listed with the reason why not', () => {
  const listed = [...RUN_BY_NODE, ...RUN_BY_CLIENTS, ...RUN_BY_PACKAGING, ...Object.keys(NOT_RUN)]
  const commands = readFencedCommands().filter(({ command }) => !command.startsWith('#!'))
  const unlisted = commands.filter(({ command }) => !listed.includes(command))
  assert.deepEqual(
    unlisted,
    [],
    'run them in test/docs/, or add them with a reason to test/docs/how-commands-run.ts',
  )
  const stale = listed.filter((command) => !commands.some((found) => found.command === command))
  assert.deepEqual(
    stale,
    [],
    'they stand in no page any more: take them out of test/docs/how-commands-run.ts',
  )
  assert.equal(new Set(listed).size, listed.length, 'a command stands in two lists')
})

test('a fenced block of commands says that it is one', () => {
  assert.deepEqual(readHiddenCommands(), [], 'write ```sh above them')
})

/** Commands of Berth that pages name in code and messages name between quotes, with the place. */
function namedCommands(): { where: string; words: string[] }[] {
  const pages = ['README.md', ...globSync('docs/**/*.md', { cwd: ROOT })]
  const sources = globSync('src/**/*.ts', { cwd: ROOT }).filter((file) => !file.endsWith('.test.ts'))
  return [...pages, ...sources].flatMap((where) => {
    const text = readFileSync(`${ROOT}/${where}`, 'utf8')
    const found = text.matchAll(
      /["`](?:bin\/)?berth ([a-z][^"`\n]*)["`]|^(?:\$ )?(?:bin\/)?berth ([a-z][^\n#|>]*)/gm,
    )
    return [...found].map((match) => ({ where, words: (match[1] ?? match[2] ?? '').trim().split(/\s+/) }))
  })
}

test('every command of Berth that a page or a message names exists, with its flags', async () => {
  const program = await buildProgram(processIo())
  const named = namedCommands()
  assert.ok(named.length > 100)
  for (const { where, words } of named) {
    let command: typeof program | undefined = program
    const rest = [...words]
    while (command && command.commands.length > 0 && /^[a-z][a-z-]*$/.test(rest[0] ?? '')) {
      const name: string | undefined = rest.shift()
      command = command.commands.find((inner) => inner.name() === name)
    }
    assert.ok(command, `${where}: there is no "berth ${words.join(' ')}"`)
    const known = [...command.options, ...program.options].map(({ long }) => long)
    const line = rest.includes('openssl') ? rest.slice(0, rest.indexOf('openssl')) : rest
    for (const flag of line.flatMap((word) => /^--[a-z-]+/.exec(word) ?? []))
      assert.ok(
        flag === '--help' || known.includes(flag),
        `${where}: "berth ${words.join(' ')}" has no ${flag}`,
      )
  }
})

async function listCommands(args: readonly string[]): Promise<string[]> {
  const { stdout } = await runCli([...args, '--help'])
  const section = /^Commands:\n([\s\S]*?)\n\n/m.exec(stdout)?.[1] ?? ''
  const names = [...section.matchAll(/^ {2}([a-z-]+)/gm)].map((match) => match[1] ?? '')
  return names.filter((name) => name !== 'help')
}
