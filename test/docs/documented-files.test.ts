import assert from 'node:assert/strict'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { part, skipReason } from '../parts/find-parts.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { readBlocks } from './fenced-commands.ts'
import { openReader } from './reader.ts'

const RULES = fileURLToPath(new URL('../../packaging/monitoring/berth.rules.yml', import.meta.url))
/** Files of other programs: test/packaging/chart.test.ts uses those of Helm and Kustomize. */
const OTHER_FILE = /^# (?:values\.yaml|kustomization\.yaml|prometheus\.yml|\.gitlab-ci\.yml)$/m

test('each berth.yaml and each file of policies of the documents is one', async () => {
  const files = readBlocks().filter(({ language, text }) => language === 'yaml' && !OTHER_FILE.test(text))
  assert.ok(files.length > 2)
  await using reader = await openReader({})
  for (const { text } of files) {
    const policies = findPolicies(text)
    if (isAccess(text)) {
      await writeFile(reader.path('access.yaml'), text.replaceAll('robot:', 'user:'))
      for (const name of new Set(text.match(/(?<=\b(?:user|robot):)[a-z]+/g)))
        await reader.run(
          `echo 'a password of ${name}' | berth user add ${name} --new --password-stdin || true`,
        )
      await reader.run('berth access apply access.yaml --dry-run')
    } else if (policies === undefined) {
      await writeFile(reader.path('berth.yaml'), text)
      await reader.run('env -u BERTH_LISTEN_HTTP berth config --config berth.yaml')
    } else {
      await writeFile(reader.path('policies.yaml'), policies)
      await reader.run('berth policy test team/app --file policies.yaml')
    }
  }
})

test('Prometheus takes the files of docs/metrics.md, with the rules or the token beside them', {
  skip: skipReason('promtool'),
}, async () => {
  const found = readBlocks().filter(({ text }) => text.startsWith('# prometheus.yml\n'))
  const [byToken, byPort] = found
  assert.equal(found.length, 2)
  await using folder = await makeTempFolder('prometheus')
  const check = async (text: string): Promise<string> => {
    await writeFile(join(folder.path, 'prometheus.yml'), text)
    return runOk(part('promtool'), ['check', 'config', join(folder.path, 'prometheus.yml')])
  }
  await copyFile(RULES, join(folder.path, 'berth.rules.yml'))
  assert.match(await check(byPort?.text ?? ''), /1 rule files found/)
  await writeFile(join(folder.path, 'berth-token'), 'x')
  assert.match(byToken?.text ?? '', /credentials_file: \/etc\/prometheus\/berth-token$/m)
  await check((byToken?.text ?? '').replace('/etc/prometheus/berth-token', 'berth-token'))
})

/** True for a file of `berth access apply`. */
function isAccess(text: string): boolean {
  return /^(?:groups|visibility):/m.test(text) || /^ +- \{who:/m.test(text)
}

/** The policies of a block: a whole file, or the rules of one policy; undefined for another file. */
function findPolicies(text: string): string | undefined {
  if (/^(?:policies|quotas):/m.test(text)) return text
  if (!/^rules:/m.test(text)) return undefined
  return `policies:\n  - repositories: ['**']\n    retention:\n${text.replace(/^/gm, '      ')}`
}
