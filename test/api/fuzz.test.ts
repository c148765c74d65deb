import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { part, skipReason } from '../parts/find-parts.ts'
import { runCommand } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { apiEngines } from './api-engines.ts'

/** Requests of each operation with random content; the fuzzer adds those at the edges of every form. */
const EXAMPLES = '20'
/** Longest time of a run, in seconds: random requests end then. */
const MAX_S = '40'
/** Any number: the same requests each time, so that a failure is one of the change under test. */
const SEED = '20261128'

/**
 * Properties of every answer. Left out: `positive_data_acceptance`, as a cursor and a name may have the right form and name nothing,
 * and `unsupported_method`, as the listener refuses TRACE before there is a path.
 */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'ignored_auth',
]

/** Operations that would end the log-in of the fuzzer itself, or have no end. */
const LEFT_OUT = ['setPassword', 'streamEvents']

for (const engine of apiEngines()) {
  test(`a fuzzer with the document finds no answer beside it, and no failure (${engine.name})`, {
    skip: engine.skip || skipReason('schemathesis'),
    timeout: 280_000,
  }, async () => {
    await using registry = await engine.start()
    await using folder = await makeTempFolder('fuzz')
    const config = join(folder.path, 'schemathesis.toml')
    await writeFile(config, `headers = { Authorization = "${registry.basic('admin')}" }\n`)
    const { code, stdout, stderr } = await runCommand(
      part('schemathesis'),
      [
        ...['--config-file', config, 'run', `${registry.url}/api/v1/openapi.json`],
        ...['--checks', CHECKS.join(','), '--phases', 'examples,coverage,fuzzing', '--seed', SEED],
        ...['--max-examples', EXAMPLES, '--max-time', MAX_S, '--continue-on-failure', '--no-color'],
        ...LEFT_OUT.flatMap((id) => ['--exclude-operation-id', id]),
      ],
      { cwd: folder.path, env: { ...process.env, HOME: join(folder.path, 'home') } },
    )
    assert.deepEqual(registry.errorLines(), [])
    assert.equal(code, 0, `${stdout.slice(-8_000)}\n${stderr}`)
    assert.match(stdout, /\d{3,} generated/)
  })
}
