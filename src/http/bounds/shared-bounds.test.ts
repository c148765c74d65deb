import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openHttpSurface } from '../../../test/support/registry/http-surface.ts'
import { hashContent } from '../../oci/digest.ts'
import { MAX_TRANSFERS } from '../../stream/buffer-budget.ts'
import { LARGEST_SHARE } from './fair-share.ts'

const UPLOADS = '/v2/alice/app/blobs/uploads/'

test('one account takes no more than its share of the transfers there may be at once', async () => {
  await using surface = await openHttpSurface()
  const push = (user: 'alice' | 'bob', content: string) =>
    surface.send(user, 'POST', `/v2/${user}/app/blobs/uploads/?digest=${hashContent(content)}`, {
      body: content,
    })
  assert.equal((await push('alice', 'pulled')).status, 201)
  const path = `/v2/alice/app/blobs/${hashContent('pulled')}`
  const session = String((await surface.send('alice', 'POST', UPLOADS)).headers.location)
  const exchange = {
    visit: { requestId: 'r1', remoteAddress: '192.0.2.1' },
    request: { readableLength: 0, socket: { bytesRead: 0 } },
    repository: 'alice/app',
    sentBytes: 0,
  }
  {
    using transfers = new DisposableStack()
    for (let count = 0; count < MAX_TRANSFERS * LARGEST_SHARE; count++) {
      transfers.use(
        surface.bounds.transfers.enter('alice', exchange, { direction: 'push', expectedBytes: undefined }),
      )
    }
    const attempts: [string, string, object][] = [
      ['GET', path, {}],
      ['PATCH', session, { body: 'x' }],
      ['PUT', `${session}?digest=${hashContent('pulled')}`, { body: 'x' }],
      ['POST', `${UPLOADS}?digest=${hashContent('pulled')}`, { body: 'pulled' }],
    ]
    for (const [method, target, options] of attempts) {
      const refused = await surface.send('alice', method, target, options)
      assert.deepEqual([refused.status, refused.code], [429, 'TOOMANYREQUESTS'], method)
      assert.match(refused.text, /transfers of this account/)
      assert.equal(refused.headers['retry-after'], '5')
    }
    assert.equal((await surface.send('alice', 'HEAD', path)).status, 200)
    assert.equal((await surface.send('admin', 'GET', path)).text, 'pulled')
    assert.equal((await push('bob', 'pushed')).status, 201)
  }
  assert.equal((await surface.send('alice', 'GET', path)).text, 'pulled')
})
