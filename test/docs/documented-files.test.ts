import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { readBlocks } from './fenced-commands.ts'
import { openReader } from './reader.ts'

/** Files of Helm and Kustomize, which test/packaging/chart.test.ts uses. */
const OTHER_FILE = /^# (?:values|kustomization)\.yaml$/m

test('each berth.yaml and each file of policies of the documents is one', async () => {
  const files = readBlocks().filter(({ language, text }) => language === 'yaml' && !OTHER_FILE.test(text))
  assert.ok(files.length > 2)
  await using reader = await openReader({})
  for (const { text } of files) {
    const policies = findPolicies(text)
    if (policies === undefined) {
      await writeFile(reader.path('berth.yaml'), text)
      await reader.run('env -u BERTH_LISTEN_HTTP berth config --config berth.yaml')
    } else {
      await writeFile(reader.path('policies.yaml'), policies)
      await reader.run('berth policy test team/app --file policies.yaml')
    }
  }
})

/** The policies of a block: a whole file, or the rules of one policy; undefined for another file. */
function findPolicies(text: string): string | undefined {
  if (/^(?:policies|quotas):/m.test(text)) return text
  if (!/^rules:/m.test(text)) return undefined
  return `policies:\n  - repositories: ['**']\n    retention:\n${text.replace(/^/gm, '      ')}`
}
