import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testEngines } from '../../../test/support/database/engines.ts'
import { openLinkRoom } from '../../../test/support/database/link-room.ts'
import { kysely } from '../../database/kysely.ts'
import { createSizeFacts } from '../../metadata/sizes/create-size-facts.ts'

for (const engine of testEngines()) {
  test(`after a takeover queries are planned by the numbers of rows that there are now (${engine.name})`, {
    skip: engine.skip,
  }, async () => {
    await using opened = await engine.open()
    await using room = await openLinkRoom(async () => opened)
    for (let at = 0; at < 20; at++) room.tree.image('team/app', `image ${at}`, { tag: `v${at}` })
    await room.adopt()
    const page = { limit: 10, last: undefined }
    const [namespace] = await createSizeFacts(opened.database).listNamespaces(page)
    assert.equal(String(namespace?.name), 'team')
    if (engine.name === 'sqlite') return
    const { sql } = kysely
    const { rows } = await opened.database.transaction((tx) =>
      sql<{ relname: string; reltuples: number }>`
        select relname, reltuples from pg_class
        where relnamespace = current_schema()::regnamespace and relname in ('blobs', 'manifests', 'tags')
        order by relname`.execute(tx),
    )
    // 40 blobs and 20 manifests, which are blobs, too. -1: not counted yet.
    assert.deepEqual(
      rows.map(({ relname, reltuples }) => [relname, reltuples]),
      [
        ['blobs', 60],
        ['manifests', 20],
        ['tags', 20],
      ],
    )
  })
}
