import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ChallengeBoard } from './challenge-board.ts'

describe('`ChallengeBoard`', () => {
  test('answers until the answer is taken back', () => {
    const board = new ChallengeBoard(Date.now)
    {
      using _http = board.addHttp('token', 'token.thumbprint')
      using _alpn = board.addAlpn('app.example.com', 'token.thumbprint')
      assert.equal(board.httpAnswer('token'), 'token.thumbprint')
      assert.ok(board.alpnContext('APP.example.com'))
    }
    assert.equal(board.httpAnswer('token'), undefined)
    assert.equal(board.alpnContext('app.example.com'), undefined)
  })

  test('keeps a newer answer when an older one of the same name is taken back', () => {
    const board = new ChallengeBoard(Date.now)
    const older = board.addHttp('token', 'older')
    board.addHttp('token', 'newer')
    older[Symbol.dispose]()
    assert.equal(board.httpAnswer('token'), 'newer')
  })

  test('forgets after an hour, and the oldest of too many', () => {
    let now = 0
    const board = new ChallengeBoard(() => now)
    board.addHttp('early', 'x')
    now = 3600 * 1000
    assert.equal(board.httpAnswer('early'), undefined)
    for (let index = 0; index <= 1000; index++) board.addHttp(`token-${index}`, 'x')
    assert.equal(board.httpAnswer('token-0'), undefined)
    assert.equal(board.httpAnswer('token-1000'), 'x')
  })

  for (const [address, name] of [
    ['192.0.2.7', '7.2.0.192.in-addr.arpa'],
    ['2001:db8::1', `1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`],
  ] as const)
    test(`answers for ${address} under its name in the reverse DNS`, () => {
      const board = new ChallengeBoard(Date.now)
      board.addAlpn(address, 'token.thumbprint')
      assert.ok(board.alpnContext(name))
    })
})
