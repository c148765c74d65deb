import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { RegistryUnderTest } from '../protocol/registry-under-test.ts'
import { until } from '../support/machine/until.ts'
import { apiEngines } from './api-engines.ts'
import { checkAnswers, type SendChecked } from './checked-answers.ts'

for (const engine of apiEngines()) {
  describe(`upkeep in the API (${engine.name})`, { skip: engine.skip }, () => {
    let registry: RegistryUnderTest
    let send: SendChecked
    before(async () => {
      registry = await engine.start()
      send = await checkAnswers(registry)
    })
    after(() => registry[Symbol.asyncDispose]())

    test('rules are replaced by whoever read the last version, count at once, and a wrong document changes nothing', async () => {
      const { headers, json } = await send('admin', 'GET', '/access')
      const empty = { groups: {}, rules: [], visibility: {} }
      assert.deepEqual([headers.etag, json.version, json.document], ['"0"', 0, empty])
      const document = { ...empty, rules: [{ who: 'user:bob', where: 'alice/app', what: ['pull'] }] }
      const pull = async () => (await send('bob', 'GET', '/repositories/alice%2Fapp')).status
      assert.equal(await pull(), 403)
      const set = await send('admin', 'PUT', '/access', document, { 'if-match': '"0"' })
      assert.deepEqual([set.status, set.headers.etag, await pull()], [200, '"1"', 200])
      const late = await send('admin', 'PUT', '/access', empty, { 'if-match': '"0"' })
      assert.deepEqual([late.status, late.json.code], [412, 'CHANGED'])
      for (const [wrong, detail] of [
        [{ rules: [{ who: 'user:bob', where: 'alice/app', what: ['write'] }] }, /rules\.0\.what\.0 must be/],
        [{ rules: [{ who: 'user:carol', where: 'alice/app', what: ['pull'] }] }, /There is no user "carol"/],
        [{ rule: [] }, /rule is not known here/],
      ] as const) {
        const refused = await send('admin', 'PUT', '/access', wrong, { 'if-match': '*' })
        assert.deepEqual([refused.status, refused.json.code], [400, 'ACCESS_INVALID'])
        assert.match(String(refused.json.detail), detail)
      }
      const stored = (await send('admin', 'GET', '/access')).json
      assert.deepEqual([stored.document, stored.changedBy], [document, 'admin'])
      await send('admin', 'PUT', '/access', empty, { 'if-match': '*' })
      assert.equal(await pull(), 403)
    })

    test('a removed account takes its rules along, and the version of before is no longer that of the rules', async () => {
      const add = () => send('admin', 'POST', '/users', { name: 'erin', password: 'a password of erin' })
      await add()
      const document = {
        groups: { builders: ['user:erin'] },
        rules: [{ who: 'user:erin', where: 'team/**', what: ['pull'] }],
        visibility: {},
      }
      const { etag = '' } = (await send('admin', 'PUT', '/access', document, { 'if-match': '*' })).headers
      await send('admin', 'DELETE', '/users/erin')
      await add()
      const cached = await send('admin', 'GET', '/access', undefined, { 'if-none-match': etag })
      assert.deepEqual([cached.status, cached.json.changedBy], [200, 'admin'])
      assert.deepEqual(cached.json.document, { groups: { builders: [] }, rules: [], visibility: {} })
      const late = await send('admin', 'PUT', '/access', document, { 'if-match': etag })
      assert.deepEqual([late.status, late.json.code], [412, 'CHANGED'])
      await send('admin', 'DELETE', '/users/erin')
      const same = await send('admin', 'GET', '/access')
      assert.equal(same.headers.etag, cached.headers.etag)
      const empty = { groups: {}, rules: [], visibility: {} }
      await send('admin', 'PUT', '/access', empty, { 'if-match': '*' })
    })

    test('policies are replaced by whoever read the last version, and a wrong document changes nothing', async () => {
      const { headers, json } = await send('admin', 'GET', '/policies')
      assert.deepEqual([headers.etag, json.version, json.document], ['"0"', 0, { policies: [] }])
      const document = { policies: [{ repositories: ['alice/**'], immutable: ['v*'] }] }
      const without = await send('admin', 'PUT', '/policies', document)
      assert.deepEqual([without.status, without.json.code], [428, 'IF_MATCH_REQUIRED'])
      const set = await send('admin', 'PUT', '/policies', document, { 'if-match': '"0"' })
      assert.deepEqual([set.status, set.headers.etag, set.json.version], [200, '"1"', 1])
      const late = await send('admin', 'PUT', '/policies', { policies: [] }, { 'if-match': '"0"' })
      assert.deepEqual([late.status, late.json.code], [412, 'CHANGED'])
      for (const [tag, status] of [
        ['"x"', 412],
        ['1', 400],
        ['"0", "1"', 400],
      ] as const) {
        const reply = await send('admin', 'PUT', '/policies', document, { 'if-match': tag })
        assert.equal(reply.status, status, tag)
      }
      const wrong = { policies: [{ repositories: ['alice/**'], imutable: ['v*'] }] }
      const refused = await send('admin', 'PUT', '/policies', wrong, { 'if-match': '*' })
      assert.deepEqual([refused.status, refused.json.code], [400, 'POLICY_INVALID'])
      assert.match(String(refused.json.detail), /imutable.*Did you mean "immutable"/)
      const stored = (await send('admin', 'GET', '/policies')).json
      assert.deepEqual([stored.document, stored.changedBy], [document, 'admin'])
      assert.equal((await send('alice', 'GET', '/repositories/alice%2Fapp/tags/v1')).json.immutable, 'v*')
      const kept = await send('alice', 'DELETE', '/repositories/alice%2Fapp/tags/v1')
      assert.deepEqual(
        [kept.status, kept.json.code, (kept.json.more as { reason: string }).reason],
        [403, 'DENIED', 'immutable'],
      )
      assert.equal(
        (await send('admin', 'PUT', '/policies', { policies: [] }, { 'if-match': '*' })).status,
        200,
      )
    })

    test('retention is planned, also by a document that is not in force, and run', async () => {
      const retention = { rules: [{ tags: ['v*'], keep: { newest: 1 } }] }
      const policies = { policies: [{ repositories: ['alice/**'], retention }] }
      const wrong = await send('admin', 'POST', '/retention/dry-run', { policies: { policy: [] } })
      assert.deepEqual([wrong.status, wrong.json.code], [400, 'POLICY_INVALID'])
      const planned = await send('admin', 'POST', '/retention/dry-run', { pattern: 'alice/**' })
      assert.deepEqual(planned.json, { items: [], seen: 0, ending: 0, isCut: false })
      const other = (await send('admin', 'POST', '/retention/dry-run', { policies })).json as {
        seen: number
        items: { name: string; repository: string }[]
      }
      assert.deepEqual([other.seen, other.items[0]?.repository, other.items[0]?.name], [1, 'alice/app', 'v1'])
      const started = await send('admin', 'POST', '/retention/runs', {})
      assert.deepEqual([started.status, started.headers.location], [202, '/api/v1/retention/runs'])
      await until(async () => {
        const { items } = (await send('admin', 'GET', '/retention/runs')).json as {
          items: { endedAt: unknown }[]
        }
        return items.length === 1 && items[0]?.endedAt !== null
      })
      const { items } = (await send('admin', 'GET', '/retention/runs')).json as { items: { id: number }[] }
      assert.equal((await send('admin', 'GET', `/retention/runs/${items[0]?.id}`)).status, 200)
      assert.equal((await send('admin', 'GET', '/retention/runs/999999')).status, 404)
    })

    test('quotas have their use', async () => {
      const document = { policies: [], quotas: [{ namespace: 'alice', bytes: '1GiB' }] }
      await send('admin', 'PUT', '/policies', document, { 'if-match': '*' })
      const { items } = (await send('admin', 'GET', '/quotas')).json as {
        items: { namespace: string; bytes: number; use: { bytes: number; repositories: number } }[]
      }
      assert.equal(items.length, 1)
      assert.deepEqual(
        [items[0]?.namespace, items[0]?.bytes, items[0]?.use.repositories],
        ['alice', 2 ** 30, 1],
      )
      assert.ok((items[0]?.use.bytes ?? 0) > 0)
      await send('admin', 'PUT', '/policies', { policies: [] }, { 'if-match': '*' })
    })

    test('a pin keeps its manifest, and names who made it', async () => {
      const pins = '/repositories/alice%2Fapp/pins'
      const made = await send('admin', 'PUT', `${pins}/v1`, { reason: 'in the contract' })
      assert.deepEqual([made.json.tag, made.json.reason, made.json.by], ['v1', 'in the contract', 'admin'])
      const digest = encodeURIComponent(String(made.json.digest))
      const kept = await send('alice', 'DELETE', `/repositories/alice%2Fapp/manifests/${digest}`)
      assert.deepEqual([kept.status, (kept.json.more as { reason: string }).reason], [403, 'pinned'])
      assert.equal(((await send('admin', 'GET', '/pins')).json.items as unknown[]).length, 1)
      assert.deepEqual((await send('admin', 'DELETE', `${pins}/v1`)).json.digests, [made.json.digest])
      assert.equal((await send('admin', 'DELETE', `${pins}/v1`)).json.code, 'CONTENT_GONE')
    })

    test('switches are turned on and off, and obeyed', async () => {
      for (const path of ['/read-only', '/collection/pause']) {
        assert.equal((await send('admin', 'GET', path)).json.isOn, false)
        const on = await send('admin', 'PUT', path, { reason: 'a new disk', forSeconds: 600 })
        assert.deepEqual([on.json.isOn, on.json.by, on.json.reason], [true, 'admin', 'a new disk'])
        assert.ok(Date.parse(String(on.json.until)) > Date.now() + 500_000)
        const two = await send('admin', 'PUT', path, { reason: 'two\nlines' })
        assert.deepEqual([two.status, two.json.code], [400, 'BODY_INVALID'])
        assert.match(String((await send('admin', 'GET', '/collection')).json.held), /a new disk/)
        assert.equal((await send('admin', 'DELETE', path)).status, 204)
        await until(async () => (await send('admin', 'GET', path)).json.isOn === false)
      }
    })

    test('collection and verification are begun, and their state shows it', async () => {
      assert.equal((await send('admin', 'POST', '/collection/runs')).status, 202)
      const scrub = await send('admin', 'POST', '/scrub/runs')
      assert.deepEqual([scrub.status, scrub.headers.location], [202, '/api/v1/scrub'])
      await until(async () => {
        const { pass } = (await send('admin', 'GET', '/scrub')).json as { pass: { endedAt: unknown } | null }
        return pass !== null && pass.endedAt !== null
      })
      const { damages } = (await send('admin', 'GET', '/scrub')).json as { damages: { count: number } }
      assert.equal(damages.count, 0)
      assert.deepEqual((await send('admin', 'GET', '/scrub/damages')).json, { items: [], next: null })
      assert.deepEqual((await send('admin', 'GET', '/backups')).json, { items: [] })
    })

    test('the server shows its state and its settings, without a secret', async () => {
      const status = (await send('admin', 'GET', '/status')).json
      assert.ok(Number(status.totalRequests) > 0 && Number(status.residentBytes) > 0)
      const { items } = (await send('admin', 'GET', '/settings')).json as {
        items: { name: string; value: unknown }[]
      }
      assert.equal(items.find(({ name }) => name === 'keep-days')?.value, 14)
      const database = String(items.find(({ name }) => name === 'database')?.value)
      assert.match(database, engine.name === 'sqlite' ? /sqlite/ : /^postgres:\/\/berth:\*+@/)
      assert.deepEqual((await send('admin', 'GET', '/sites')).json, { items: [] })
      assert.equal((await send('admin', 'GET', '/certificates')).status, 200)
    })

    test('events come when the state changes, in a bounded number of streams, and end with the client', async () => {
      const headers = { authorization: registry.basic('admin') }
      const open = async (): Promise<{ response: Response; end: () => void }> => {
        const gone = new AbortController()
        const response = await fetch(`${registry.url}/api/v1/events`, { headers, signal: gone.signal })
        return { response, end: () => gone.abort() }
      }
      const first = await open()
      assert.deepEqual(
        [first.response.status, first.response.headers.get('content-type')],
        [200, 'text/event-stream'],
      )
      let text = ''
      const seen = (async () => {
        for await (const chunk of first.response.body ?? []) {
          text += Buffer.from(chunk)
          if (text.includes('event: status') && text.includes('event: collection')) return
        }
      })()
      await seen
      const data = [...text.matchAll(/^event: (\w+)\ndata: (.*)\n\n/gm)].map((match) =>
        JSON.parse(match[2] ?? ''),
      )
      assert.ok(data.length >= 2)
      first.end()
      const more = [await open(), await open()]
      await Promise.all(more.map(({ response }) => response.body?.getReader().read()))
      const refused = await send('admin', 'GET', '/events')
      assert.deepEqual([refused.status, refused.json.code], [429, 'STREAMS_FULL'])
      for (const { end } of more) end()
      await until(async () => {
        const again = await open()
        again.end()
        return again.response.status === 200
      })
    })
  })
}
